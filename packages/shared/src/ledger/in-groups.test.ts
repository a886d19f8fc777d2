import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { createInsertCapture, getCaptures, insertCapture, type NewCapture } from './captures.ts';
import type { Database } from './database.ts';
import { createEnsureSubject, ensureSubject } from './subjects.ts';

let ledger: Ledger;
let db: Database;
beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
afterAll(() => ledger?.stop());

describe('captures in groups', () => {
  const picture = (facts: Partial<NewCapture> = {}): NewCapture => ({
    id: randomUUID(),
    owner: randomUUID(),
    format: 'png',
    width: 357,
    height: 392,
    dpi: 500,
    bytes: 300_000,
    sha256: randomBytes(32),
    record: randomUUID(),
    wrappedKey: randomBytes(60),
    ...facts,
  });

  it('stores each as it is, and knows an id that is taken, before or in the same group', async () => {
    const insert = createInsertCapture(db);
    const [before, first] = [picture(), picture({ dpi: undefined })];
    await insertCapture(db, before);
    const group = [first, picture({ id: first.id }), picture({ id: before.id }), picture()];
    expect(await Promise.all(group.map(insert))).toEqual([true, false, false, true]);
    expect(await getCaptures(db, [first.id])).toEqual([{ ...first, transactionId: undefined }]);
    expect(await getCaptures(db, [before.id])).toEqual([{ ...before, transactionId: undefined }]);
  });

  it('does not fail the others for one that cannot be stored', async () => {
    const insert = createInsertCapture(db);
    const [good, wrong] = [picture(), picture({ width: 2 ** 40 })];
    const [stored, refused] = await Promise.allSettled([insert(good), insert(wrong)]);
    expect(stored).toEqual({ status: 'fulfilled', value: true });
    expect(refused.status).toBe('rejected');
    expect(await getCaptures(db, [good.id, wrong.id])).toHaveLength(1);
  });
});

describe('people in groups', () => {
  const somebody = () => ({ cpfIndex: randomBytes(32), cpfSealed: randomBytes(40), operates: false });
  const operators = async (ids: string[]) => {
    const { rows } = await db.query('select id from subjects where id = any ($1) and operates', [ids]);
    return rows.map(({ id }) => id);
  };

  it('gives one id for each person, known before or not, and makes operators of those who operate', async () => {
    const [known, fresh, clerk] = [somebody(), somebody(), somebody()];
    const knownId = await ensureSubject(db, known);
    const ensure = createEnsureSubject(db);
    const ids = await Promise.all([known, fresh, clerk, { ...clerk, operates: true }, fresh].map(ensure));
    const [, freshId, clerkId] = ids as [string, string, string];
    expect(ids).toEqual([knownId, freshId, clerkId, clerkId, freshId]);
    expect(new Set(ids).size).toBe(3);
    expect(await operators(ids)).toEqual([clerkId]);
    // Seen a moment ago, but not as one who operates.
    expect(await Promise.all([{ ...known, operates: true }, clerk].map(ensure))).toEqual([knownId, clerkId]);
    expect((await operators(ids)).sort()).toEqual([knownId, clerkId].sort());
  });

  it('gives everybody the same ids, however many ask for them at once', async () => {
    const people = Array.from({ length: 30 }, somebody);
    const processes = Array.from({ length: 5 }, () => createEnsureSubject(db));
    const all = await Promise.all(
      processes.map(async (ensure, i) => {
        const asked = i % 2 ? people : people.toReversed();
        const ids = await Promise.all(asked.map(ensure));
        return i % 2 ? ids : ids.toReversed();
      }),
    );
    for (const ids of all) expect(ids).toEqual(all[0]);
  });

  it('goes alone where a group meets somebody who writes the same people in another order', async () => {
    const statements: string[] = [];
    const query = (statement: { name: string; text: string; values: [string] }) => {
      statements.push(statement.name);
      if (statement.name === 'ensure-subjects' && JSON.parse(statement.values[0]).length > 1) {
        throw Object.assign(new Error('deadlock detected'), { severity: 'ERROR', code: '40P01' });
      }
      return db.query(statement as never);
    };
    const ensure = createEnsureSubject(Object.assign(Object.create(db) as Database, { query }));
    const people = [somebody(), somebody(), somebody()];
    const ids = await Promise.all(people.map(ensure));
    expect(new Set(ids).size).toBe(3);
    expect(statements.filter((name) => name === 'ensure-subjects')).toHaveLength(4);
  });
});
