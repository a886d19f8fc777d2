import { randomBytes, randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { waitFor } from '../../../../test/stack/wait-for.ts';
import { replay, type TransactionEvent } from '../domain/transaction.ts';
import { acceptTransaction } from './accept.ts';
import { archiveEnded } from './archive.ts';
import { getCaptures, insertCapture, listTransactionCaptures, type NewCapture } from './captures.ts';
import type { Database } from './database.ts';
import { eraseRequested, requestErasure } from './erasure.ts';
import { findTransactions, isOfAnother, latestTransactionOf } from './find-transactions.ts';
import { listLivingRecords } from './records.ts';
import { listStale, replaceSealed } from './rotation.ts';
import { claimDue } from './schedule.ts';
import { ensureSubject } from './subjects.ts';
import type { AcceptedTransaction, TransactionRow } from './transactions.ts';
import { applyEvent, countEndedRequests, getTransaction, listEvents } from './transactions.ts';

let ledger: Ledger;
let db: Database;

beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
afterAll(() => ledger?.stop());
beforeEach(() => db.query('truncate transactions, transaction_events, captures cascade'));

const DAY_90 = { afterDays: 90, limit: 1_000 };
const cpfIndex = randomBytes(32);
const claimed: TransactionEvent = { type: 'claimed' };
const concluded: TransactionEvent = {
  type: 'concluded',
  upstreamId: 'g-1',
  outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' },
};

async function newTransaction(overrides: Partial<AcceptedTransaction> = {}): Promise<AcceptedTransaction> {
  return {
    id: randomUUID(),
    owner: randomUUID(),
    kind: 'spid.enroll',
    subject: await ensureSubject(db, { cpfIndex, cpfSealed: randomBytes(40) }),
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 100,
    wrappedKey: randomBytes(60),
    dueInMs: 60_000,
    ...overrides,
  };
}

async function accept(wanted: AcceptedTransaction, ...events: TransactionEvent[]): Promise<TransactionRow> {
  const result = await acceptTransaction(db, wanted);
  if (result.kind !== 'accepted') throw new Error(result.kind);
  let row = result.transaction;
  for (const event of events) {
    const after = await applyEvent(db, row, event);
    if (!after) throw new Error(`${row.state} forbids ${event.type}`);
    row = after;
  }
  return row;
}

/** As if it had been over for so long. */
async function age(days: number): Promise<void> {
  await db.query(`update transactions set updated_at = updated_at - $1 * interval '1 day'`, [days]);
}

async function isArchived(id: string): Promise<boolean> {
  const where = async (table: string) => (await db.query(`select from ${table} where id = $1`, [id])).rowCount;
  return (await where('only transactions')) === 0 && (await where('archived_transactions')) === 1;
}

function picture(owner: string): NewCapture {
  return {
    ...{ id: randomUUID(), owner, format: 'png', width: 8, height: 8, dpi: 500, bytes: 100 },
    ...{ sha256: randomBytes(32), record: randomUUID(), wrappedKey: randomBytes(60) },
  };
}

describe('an archived transaction', () => {
  let wanted: AcceptedTransaction;
  let capture: NewCapture;
  let evidence: NewCapture;
  beforeEach(async () => {
    wanted = await newTransaction({ operation: 'redirect' });
    capture = picture(wanted.owner);
    evidence = picture(wanted.owner);
    await insertCapture(db, capture);
    await insertCapture(db, evidence);
    await accept({ ...wanted, captures: [{ id: capture.id, index: 6 }], evidence: evidence.id }, claimed, concluded);
  });

  /** Everything that is asked about it. */
  const asked = async () => ({
    row: await getTransaction(db, wanted.id),
    events: await listEvents(db, wanted.id),
    someEvents: await listEvents(db, wanted.id, 0),
    ofPerson: await latestTransactionOf(db, wanted.owner, cpfIndex),
    among: await findTransactions(db, wanted.owner, [wanted.id]),
    captures: await listTransactionCaptures(db, wanted.id),
    uploads: (await getCaptures(db, [capture.id, evidence.id])).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    living: await listLivingRecords(db, [wanted.payload, capture.record, evidence.record]),
    ended: await countEndedRequests(db, wanted.owner, wanted.requestMac, false),
    ofAnother: await isOfAnother(db, { id: randomUUID(), subject: wanted.subject }, 'g-1'),
    stale: await listStale(db, 'transactions', randomBytes(4), 10),
  });

  it('is found as before', async () => {
    await age(91);
    const before = await asked();
    expect(before).toMatchObject({ row: { verdict: 'enrolled' }, captures: [{}, {}], ended: 1, ofAnother: true });
    expect(await archiveEnded(db, DAY_90)).toBe(1);
    expect(await isArchived(wanted.id)).toBe(true);
    expect(await asked()).toEqual(before);
    // Its events still lead to its state, one for each change.
    expect(replay(before.events.slice(1).map(({ type }) => ({ type }) as TransactionEvent))?.state).toBe('concluded');
    expect(before.events.map(({ seq }) => seq)).toEqual([0, 1, 2]);
  });

  it('is known when it is asked for again, and never accepted anew', async () => {
    await age(91);
    await archiveEnded(db, DAY_90);
    expect(await acceptTransaction(db, wanted)).toMatchObject({
      kind: 'replayed',
      transaction: { state: 'concluded' },
    });
    expect(await acceptTransaction(db, { ...wanted, requestMac: randomBytes(32) })).toEqual({ kind: 'conflict' });
    expect(await acceptTransaction(db, { ...wanted, owner: randomUUID() })).toEqual({ kind: 'conflict' });
    expect(await insertCapture(db, { ...picture(wanted.owner), id: capture.id })).toBe(false);
    expect((await db.query('select from only transactions')).rowCount).toBe(0);
    expect(await claimDue(db, 10, 1_000)).toEqual([]);
  });

  it('is not accepted anew while it moves', async () => {
    await age(91);
    const mover: PoolClient = await db.connect();
    try {
      await mover.query('begin');
      expect(await archiveEnded(mover as unknown as Database, DAY_90)).toBe(1);
      const repeated = acceptTransaction(db, wanted);
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await waitFor(async () => (await db.query(waiting)).rowCount === 1, { what: 'the repetition to meet the move' });
      await mover.query('commit');
      expect(await repeated).toMatchObject({ kind: 'replayed', transaction: { state: 'concluded' } });
    } finally {
      mover.release();
    }
    expect(await isArchived(wanted.id)).toBe(true);
  });

  it('is erased where somebody asked for it while it moved', async () => {
    await age(91);
    const mover: PoolClient = await db.connect();
    try {
      await mover.query('begin');
      expect(await archiveEnded(mover as unknown as Database, DAY_90)).toBe(1);
      const asked = requestErasure(db, wanted.id, wanted.owner);
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await waitFor(async () => (await db.query(waiting)).rowCount === 1, { what: 'the wish to meet the move' });
      await mover.query('commit');
      await asked;
    } finally {
      mover.release();
    }
    expect(await eraseRequested(db, 10)).toMatchObject([{ id: wanted.id, state: 'erased' }]);
  });

  it('can still be erased and brought under a new key', async () => {
    await age(91);
    await archiveEnded(db, DAY_90);
    const [sealed] = await listStale(db, 'transactions', randomBytes(4), 10);
    expect(await replaceSealed(db, 'transactions', sealed as NonNullable<typeof sealed>, Buffer.from('new'))).toBe(
      true,
    );
    await requestErasure(db, wanted.id, wanted.owner);
    expect(await eraseRequested(db, 10)).toMatchObject([{ id: wanted.id, state: 'erased', wrappedKey: undefined }]);
    expect(await listTransactionCaptures(db, wanted.id)).toEqual([]);
    // Its tombstone lies beside its other events.
    const live = await db.query('select from only transaction_events where transaction_id = $1', [wanted.id]);
    expect(live.rowCount).toBe(0);
    expect((await listEvents(db, wanted.id)).map(({ type }) => type)).toEqual([
      'accepted',
      'claimed',
      'concluded',
      'erased',
    ]);
  });
});

it('leaves what is young, what is not over, and what people have to look at', async () => {
  const contingency: TransactionEvent = { type: 'concluded', outcome: { verdict: 'contingency', upstreamStatus: '5' } };
  const [over, waiting, dead, failed] = [
    await accept(await newTransaction(), claimed, concluded),
    await accept(await newTransaction(), claimed),
    await accept(await newTransaction(), claimed, { type: 'refused', reason: 'client-error' }),
    await accept(await newTransaction(), claimed, contingency),
  ];
  expect(await archiveEnded(db, DAY_90)).toBe(0);
  await age(91);
  const young = await accept(await newTransaction(), claimed, concluded);
  expect(await archiveEnded(db, DAY_90)).toBe(1);
  expect(await isArchived(over.id)).toBe(true);
  for (const { id } of [waiting, dead, failed, young]) expect(await isArchived(id)).toBe(false);
});

it('moves each once where several callers move at the same time', async () => {
  for (let i = 0; i < 30; i++) await accept(await newTransaction(), claimed, concluded);
  await age(91);
  const round = () => Promise.all(Array.from({ length: 3 }, () => archiveEnded(db, { afterDays: 90, limit: 4 })));
  const moved: number[] = [];
  for (let i = 0; i < 5; i++) moved.push(...(await round()));
  expect(moved.reduce((sum, one) => sum + one, 0)).toBe(30);
  expect((await db.query('select from archived_transactions')).rowCount).toBe(30);
  expect((await db.query('select from archived_transaction_events')).rowCount).toBe(90);
  expect((await db.query('select from only transaction_events')).rowCount).toBe(0);
});
