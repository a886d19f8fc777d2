import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Postgres } from '../../../../test/stack/postgres.ts';
import { startPostgres } from '../../../../test/stack/postgres.ts';
import type { TransactionEvent } from '../domain/transaction.ts';
import { replay } from '../domain/transaction.ts';
import { acceptTransaction } from './accept.ts';
import { createInsertCapture, getCaptures, insertCapture, type NewCapture } from './captures.ts';
import {
  bootstrapAdministrator,
  findPrincipals,
  issueEnrolment,
  issueSystemKey,
  redeemEnrolment,
  revokeStation,
} from './credentials.ts';
import type { Database } from './database.ts';
import { migrate, openDatabase } from './database.ts';
import { findTransactions, isOfAnother, latestTransactionOf } from './find-transactions.ts';
import { openTransactionFeed } from './notifications.ts';
import { claimDue, claimDuePolls, isCurrent, makeDue, overdueSeconds, postpone, resendOne } from './schedule.ts';
import { createEnsureSubject, ensureSubject } from './subjects.ts';
import type { AcceptedTransaction, TransactionRow } from './transactions.ts';
import { applyEvent, countEndedRequests, getTransaction, listEvents } from './transactions.ts';

let postgres: Postgres;
let url: string;
let db: Database;

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase();
  await migrate(url);
  db = openDatabase({ url }, () => {});
});
afterAll(async () => {
  await db?.end();
  await postgres?.stop();
});

const owner = randomUUID();
async function newTransaction(overrides: Partial<AcceptedTransaction> = {}): Promise<AcceptedTransaction> {
  return {
    id: randomUUID(),
    owner,
    kind: 'spid.enroll',
    subject: await ensureSubject(db, { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) }),
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 300_000,
    wrappedKey: randomBytes(60),
    dueInMs: 60_000,
    ...overrides,
  };
}
async function accept(overrides: Partial<AcceptedTransaction> = {}): Promise<TransactionRow> {
  const result = await acceptTransaction(db, await newTransaction(overrides));
  if (result.kind !== 'accepted') throw new Error(`expected an acceptance, got ${result.kind}`);
  return result.transaction;
}
async function apply(row: TransactionRow, ...events: TransactionEvent[]): Promise<TransactionRow> {
  let now = row;
  for (const event of events) {
    const after = await applyEvent(db, now, event, { dueInMs: 60_000 });
    if (!after) throw new Error(`${event.type} was not applied`);
    now = after;
  }
  return now;
}

describe('migrate', () => {
  it('can be run again, and by several processes at once', async () => {
    const fresh = await postgres.createDatabase();
    await Promise.all([migrate(fresh), migrate(fresh), migrate(fresh)]);
    await migrate(fresh);
  });
});

describe('acceptTransaction', () => {
  it('stores the transaction and its first event in one commit', async () => {
    const row = await accept();
    expect(row).toMatchObject({ state: 'accepted', version: 0, attempt: 0 });
    expect(await listEvents(db, row.id)).toMatchObject([{ seq: 0, type: 'accepted', to: 'accepted', attempt: 0 }]);
  });

  it('answers the same request with what stands, and other content under the same id with a conflict', async () => {
    const request = await newTransaction();
    await acceptTransaction(db, request);
    expect((await acceptTransaction(db, { ...request, payload: randomUUID() })).kind).toBe('replayed');
    expect((await acceptTransaction(db, { ...request, requestMac: randomBytes(32) })).kind).toBe('conflict');
    expect((await acceptTransaction(db, { ...request, owner: randomUUID() })).kind).toBe('conflict');
    expect(await listEvents(db, request.id)).toHaveLength(1);
  });

  it('accepts once when the same request comes fifty times at once', async () => {
    const request = await newTransaction();
    const results = await Promise.all(Array.from({ length: 50 }, () => acceptTransaction(db, request)));
    expect(results.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'replayed')).toHaveLength(49);
  });

  it('destroys the keys of the pictures it took, and keeps the evidence', async () => {
    const capture = (id: string) => ({
      id,
      owner,
      format: 'png' as const,
      width: 1,
      height: 1,
      dpi: 500,
      bytes: 10,
      sha256: randomBytes(32),
      record: randomUUID(),
      wrappedKey: randomBytes(60),
    });
    const [picture, evidence] = [randomUUID(), randomUUID()];
    await insertCapture(db, capture(picture));
    await insertCapture(db, capture(evidence));
    const row = await accept({ captures: [{ id: picture, index: 6 }], evidence });
    const byId = new Map((await getCaptures(db, [picture, evidence])).map((c) => [c.id, c]));
    expect(byId.get(picture)).toMatchObject({ transactionId: row.id, wrappedKey: undefined });
    expect(byId.get(evidence)).toMatchObject({ transactionId: row.id, wrappedKey: expect.any(Buffer) });
  });
});

describe('applyEvent', () => {
  it('keeps a log that replays to the state', async () => {
    const row = await apply(
      await accept(),
      { type: 'claimed' },
      { type: 'lost', reason: 'answer-lost' },
      { type: 'absent' },
      { type: 'claimed' },
      { type: 'taken', upstreamId: 'u1', upstreamStatus: 'ENROLL_PENDING' },
      { type: 'concluded', outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } },
    );
    expect(row).toMatchObject({ state: 'concluded', attempt: 2, verdict: 'enrolled', upstreamId: 'u1' });
    const log = (await listEvents(db, row.id)).slice(1).map(({ type, detail }) => ({
      type,
      ...detail,
      outcome: detail,
    })) as unknown as TransactionEvent[];
    expect(replay(log)).toEqual({ state: 'concluded', attempt: 2 });
  });

  it('lets one of fifty workers claim a transaction', async () => {
    const row = await accept();
    const claims = await Promise.all(
      Array.from({ length: 50 }, () => applyEvent(db, row, { type: 'claimed' }, { dueInMs: 60_000 })),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await getTransaction(db, row.id)).toMatchObject({ state: 'submitting', attempt: 1, version: 1 });
  });

  it('drops the result of a worker that comes back late', async () => {
    const late = await apply(await accept(), { type: 'claimed' });
    const now = await apply(late, { type: 'lost', reason: 'worker-lost' }, { type: 'absent' }, { type: 'claimed' });
    const outcome = { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } as const;
    expect(await applyEvent(db, late, { type: 'concluded', outcome })).toBeUndefined();
    expect(await getTransaction(db, now.id)).toMatchObject({ state: 'submitting', attempt: 2 });
  });

  it('refuses what the machine forbids without touching the row', async () => {
    const row = await accept();
    expect(await applyEvent(db, row, { type: 'resent' })).toBeUndefined();
    expect(await listEvents(db, row.id)).toHaveLength(1);
  });

  it('settles without a due time', async () => {
    const claimed = await apply(await accept(), { type: 'claimed' });
    const dead = await applyEvent(db, claimed, { type: 'refused', reason: 'bad-request' });
    expect(dead).toMatchObject({ state: 'dead', diedIn: 'submitting', reason: 'bad-request', dueAt: undefined });
  });
});

describe('the schedule', () => {
  it('gives each due row to one claimer and leaves the others alone', async () => {
    const due = await Promise.all(Array.from({ length: 20 }, () => accept({ dueInMs: 0 })));
    const later = await accept({ dueInMs: 60_000 });
    const claims = (await Promise.all(Array.from({ length: 5 }, () => claimDue(db, 8, 60_000)))).flat();
    const ids = claims.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(due.map(({ id }) => id)));
    expect(ids).not.toContain(later.id);
    expect(await claimDue(db, 8, 60_000)).toEqual([]);
  });

  it('brings a claimed row up again when its lease is over', async () => {
    const row = await accept({ dueInMs: 0 });
    expect(await claimDue(db, 10, 0)).toMatchObject([{ id: row.id }]);
    expect(await claimDue(db, 10, 60_000)).toMatchObject([{ id: row.id }]);
  });

  it('leaves the polls of an account to whoever knows its budget', async () => {
    const account = randomUUID();
    const polled = async () => {
      const row = await accept({ kind: 'idcloud.process', account, keyName: 'default' });
      const taken = { type: 'taken', upstreamId: row.id, upstreamStatus: '1' } as const;
      const awaiting = await apply(row, { type: 'claimed' }, taken);
      await postpone(db, awaiting, -60_000);
      return awaiting;
    };
    const [first] = [await polled(), await polled(), await polled()];
    const send = await accept({ kind: 'idcloud.process', account, keyName: 'default', dueInMs: 0 });
    expect((await claimDue(db, 1_000, 60_000)).filter((row) => row.account === account)).toMatchObject([
      { id: send.id },
    ]);
    expect(await overdueSeconds(db)).toBeGreaterThanOrEqual(60);
    expect(await claimDuePolls(db, 'another', 10, 60_000)).toEqual([]);
    const claims = await Promise.all([1, 1].map((limit) => claimDuePolls(db, account, limit, 60_000)));
    expect(new Set(claims.flat().map(({ id }) => id)).size).toBe(2);
    expect(claims.flat()).toMatchObject([{ state: 'awaiting', account }, { account }]);
    expect(await claimDuePolls(db, account, 10, 60_000)).toHaveLength(1);
    expect(await isCurrent(db, first)).toBe(true);
    await applyEvent(db, first, { type: 'progressed', upstreamStatus: '2' });
    expect(await isCurrent(db, first)).toBe(false);
  });

  it('does not postpone a moment that has passed', async () => {
    const row = await accept({ dueInMs: 0 });
    const claimed = await applyEvent(db, row, { type: 'claimed' }, { dueInMs: 0 });
    await postpone(db, row, 60_000);
    expect(await claimDue(db, 10, 60_000)).toMatchObject([{ id: claimed?.id, state: 'submitting' }]);
  });

  it('takes up one that failed, once, and nothing else', async () => {
    const refused = await apply(await accept(), { type: 'claimed' }, { type: 'refused', reason: 'x' });
    const taken = await Promise.all([resendOne(db, refused, 60_000), resendOne(db, refused, 60_000)]);
    expect(taken.filter((moment) => moment !== undefined)).toMatchObject([{ id: refused.id, state: 'retrying' }]);
    expect(await resendOne(db, await accept(), 60_000)).toBeUndefined();
    expect(await resendOne(db, { ...refused, wrappedKey: undefined }, 60_000)).toBeUndefined();
  });

  it('says how late it is', async () => {
    await claimDue(db, 1_000, 60_000);
    expect(await overdueSeconds(db)).toBe(0);
    const row = await accept();
    await db.query(`update transactions set due_at = now() - interval '90 seconds' where id = $1`, [row.id]);
    expect(await overdueSeconds(db)).toBeGreaterThanOrEqual(90);
  });
});

describe('finding', () => {
  it('gives an owner’s latest transaction about a person', async () => {
    const [mine, cpfIndex] = [randomUUID(), randomBytes(32)];
    const subject = await ensureSubject(db, { cpfIndex, cpfSealed: randomBytes(40) });
    await accept({ owner: mine, subject });
    const latest = await accept({ owner: mine, subject });
    await accept({ subject });
    await accept({ owner: mine });
    expect((await latestTransactionOf(db, mine, cpfIndex))?.id).toBe(latest.id);
    expect(await latestTransactionOf(db, randomUUID(), cpfIndex)).toBeUndefined();
    expect(await latestTransactionOf(db, mine, randomBytes(32))).toBeUndefined();
  });

  it('gives an owner’s transactions among ids', async () => {
    const mine = randomUUID();
    const [one, theirs] = [await accept({ owner: mine }), await accept()];
    const found = await findTransactions(db, mine, [one.id, theirs.id, randomUUID()]);
    expect(found.map(({ id }) => id)).toEqual([one.id]);
    expect(await findTransactions(db, mine, [])).toEqual([]);
  });
});

describe('credentials', () => {
  it('makes the first administrator once, even when several processes start at once', async () => {
    const made = await Promise.all([
      bootstrapAdministrator(db),
      bootstrapAdministrator(db),
      bootstrapAdministrator(db),
    ]);
    const issued = made.filter((key) => key !== undefined);
    expect(issued).toHaveLength(1);
    expect((await findPrincipals(db, [issued[0]?.key ?? '']))[0]).toMatchObject({ kind: 'administrator' });
  });

  it('knows keys by their hash alone', async () => {
    const { key, id } = await issueSystemKey(db, 'core banking');
    expect((await findPrincipals(db, [key]))[0]).toEqual({ kind: 'system', id, name: 'core banking' });
    expect((await findPrincipals(db, [`${key}x`]))[0]).toBeUndefined();
    const { rows } = await db.query('select * from api_keys');
    expect(JSON.stringify(rows)).not.toContain(key);
  });

  it('redeems an enrolment code once, and a revoked station is nobody', async () => {
    const { code } = await issueEnrolment(db, 'branch 12');
    expect(code).toMatch(/^([0-9A-Z]{4}-){3}[0-9A-Z]{4}$/);
    const redeemed = await Promise.all([redeemEnrolment(db, code), redeemEnrolment(db, code)]);
    const station = redeemed.find((result) => result !== undefined);
    expect(redeemed.filter(Boolean)).toHaveLength(1);
    expect((await findPrincipals(db, [station?.key ?? '']))[0]).toMatchObject({ kind: 'station', name: 'branch 12' });
    expect(await revokeStation(db, station?.id ?? '')).toBe(true);
    expect((await findPrincipals(db, [station?.key ?? '']))[0]).toBeUndefined();
  });

  it('refuses an expired code', async () => {
    const { code } = await issueEnrolment(db, 'late');
    await db.query(`update station_enrolments set expires_at = now() - interval '1 second' where name = 'late'`);
    expect(await redeemEnrolment(db, code)).toBeUndefined();
  });
});

describe('the feed', () => {
  it('announces transitions, and everything again after its line was cut', async () => {
    const feed = await openTransactionFeed(url);
    const row = await accept();
    let heard = 0;
    const waiters: (() => void)[] = [];
    feed.subscribe(row.id, () => {
      heard++;
      for (const wake of waiters.splice(0)) wake();
    });
    const next = () => new Promise<void>((resolve) => waiters.push(resolve));
    const first = next();
    await apply(row, { type: 'claimed' });
    await first;
    const again = next();
    await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()`,
    );
    await again;
    expect(heard).toBe(2);
    await feed.close();
  });
});

describe('a write that is no submission', () => {
  const claimed: TransactionEvent = { type: 'claimed' };
  const completed: TransactionEvent = {
    type: 'concluded',
    outcome: { verdict: 'completed', upstreamStatus: 'HTTP 200' },
  };
  const rejected: TransactionEvent = {
    type: 'concluded',
    outcome: { verdict: 'rejected', upstreamStatus: 'HTTP 409' },
  };

  it('names its operation, its origin and perhaps nobody, and keeps its answer', async () => {
    const enrolment = await accept();
    const { id } = await accept({
      kind: 'spid.redirect',
      operation: 'redirectEnroll',
      origin: enrolment.id,
      subject: undefined,
    });
    const row = (await getTransaction(db, id)) as TransactionRow;
    expect(row).toMatchObject({ operation: 'redirectEnroll', origin: enrolment.id, subject: undefined });
    const sending = await apply(row, claimed);
    const answerSealed = randomBytes(40);
    expect(await applyEvent(db, sending, completed, { answerSealed })).toMatchObject({ answerSealed });
    expect(await getTransaction(db, id)).toMatchObject({ answerSealed, verdict: 'completed' });
  });

  it.each<[string, TransactionEvent[], ended: number, inVain: number]>([
    ['accepted', [], 0, 0],
    ['under way', [claimed], 0, 0],
    ['held up', [claimed, { type: 'failed', reason: 'timeout' }], 0, 0],
    ['taken', [claimed, { type: 'taken', upstreamId: 'u', upstreamStatus: 'DELETE_PENDING' }], 0, 0],
    ['done', [claimed, completed], 1, 0],
    ['rejected', [claimed, rejected], 1, 1],
    ['dead', [claimed, { type: 'refused', reason: 'client-error' }], 1, 1],
  ])('%s: how many of its requests are over', async (_what, events, ended, inVain) => {
    const requestMac = randomBytes(32);
    await apply(await accept({ requestMac, operation: 'deletePerson' }), ...events);
    // Another owner's, another request's, and a submission's do not count.
    await apply(await accept({ requestMac, operation: 'deletePerson', owner: randomUUID() }), claimed, completed);
    await apply(await accept({ operation: 'deletePerson' }), claimed, rejected);
    await apply(await accept({ requestMac }), claimed, rejected);
    expect(await countEndedRequests(db, owner, requestMac, false)).toBe(ended);
    expect(await countEndedRequests(db, owner, requestMac, true)).toBe(inVain);
  });

  it('makes what it is about due, where that waits', async () => {
    const awaiting = await apply(await accept(), claimed, {
      type: 'taken',
      upstreamId: 'u',
      upstreamStatus: 'SEARCH_PENDING',
    });
    const others = [await accept(), await apply(await accept(), claimed)];
    const dueAt = async ({ id }: TransactionRow) => (await getTransaction(db, id))?.dueAt?.getTime() ?? 0;
    const before = await Promise.all([awaiting, ...others].map(dueAt));
    for (const { id } of [awaiting, ...others]) await makeDue(db, id);
    const after = await Promise.all([awaiting, ...others].map(dueAt));
    expect(after[0]).toBeLessThan(before[0] as number);
    expect(after.slice(1)).toEqual(before.slice(1));
    expect((await claimDue(db, 1_000, 60_000)).map(({ id }) => id)).toContain(awaiting.id);
  });

  it('knows whose an upstream id is already', async () => {
    const upstreamId = randomUUID();
    const taken: TransactionEvent = { type: 'taken', upstreamId, upstreamStatus: 'DELETE_PENDING' };
    const first = await apply(await accept({ kind: 'spid.delete', operation: 'deletePSBioPerson' }), claimed, taken);
    const second = await accept({ kind: 'spid.delete', operation: 'deletePerson', subject: first.subject });
    expect(await isOfAnother(db, second, upstreamId)).toBe(true);
    expect(await isOfAnother(db, first, upstreamId)).toBe(false);
    expect(await isOfAnother(db, second, randomUUID())).toBe(false);
    expect(await isOfAnother(db, await accept(), upstreamId)).toBe(false);
    expect(await isOfAnother(db, await accept({ subject: undefined }), upstreamId)).toBe(false);
  });
});

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
