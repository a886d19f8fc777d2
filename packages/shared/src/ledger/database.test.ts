import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { acceptTransaction } from './accept.ts';
import { getCaptures, insertCapture } from './captures.ts';
import { openDatabase } from './database.ts';
import { ensureSubject } from './subjects.ts';
import { findAccepted } from './transactions.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger?.stop());

it('plans what goes by ids once, and never reads a whole table for it, however young the ledger is', async () => {
  // One connection: statistics and plans are its own.
  const db = openDatabase({ url: ledger.url, max: 1, keepPlans: true }, () => undefined);
  const owner = randomUUID();
  const person = { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) };
  const accept = async () => {
    const [id, capture, wrappedKey] = [randomUUID(), randomUUID(), randomBytes(60)];
    const requestMac = randomBytes(32);
    const picture = { format: 'png', width: 1, height: 1, dpi: 500, bytes: 100, sha256: randomBytes(32) } as const;
    await insertCapture(db, { id: capture, owner, record: randomUUID(), wrappedKey, ...picture });
    expect(await getCaptures(db, [capture])).toHaveLength(1);
    expect(await findAccepted(db, [{ id, owner, requestMac }])).toEqual([undefined]);
    const subject = await ensureSubject(db, person);
    const body = { payload: randomUUID(), payloadBytes: 100, wrappedKey, dueInMs: 60_000 };
    const captures = [{ id: capture, index: 1 }];
    const asked = { id, owner, kind: 'spid.enroll', subject, requestMac } as const;
    expect((await acceptTransaction(db, { ...asked, ...body, captures })).kind).toBe('accepted');
  };
  try {
    // Planned for empty tables, which nobody has analyzed since.
    await db.query('begin');
    for (let i = 0; i < 300; i++) await accept();
    const { rows: read } = await db.query(
      `select relname, seq_scan::int as count from pg_stat_xact_user_tables
        where relname in ('transactions', 'archived_transactions', 'captures', 'archived_captures', 'subjects') and seq_scan > 0`,
    );
    expect(read).toEqual([]);
    await db.query('commit');
    const { rows: planned } = await db.query(
      `select name, custom_plans::int as anew from pg_prepared_statements
        where name in ('accept', 'find-accepted', 'get-captures', 'insert-captures', 'find-subjects') order by name`,
    );
    expect(planned).toEqual(
      ['accept', 'find-accepted', 'find-subjects', 'get-captures', 'insert-captures'].map((name) => ({
        name,
        anew: 0,
      })),
    );
  } finally {
    await db.end();
  }
});
