import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import type { TransactionEvent } from '../domain/transaction.ts';
import { acceptTransaction } from './accept.ts';
import type { Database } from './database.ts';
import { countLostWorkers, WORKER_LOST } from './lost-workers.ts';
import { setBack } from './schedule.ts';
import { ensureSubject } from './subjects.ts';
import { applyEvent, getTransaction, type TransactionRow } from './transactions.ts';

let ledger: Ledger;
let db: Database;
beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
afterAll(() => ledger?.stop());

async function accepted(): Promise<TransactionRow> {
  const result = await acceptTransaction(db, {
    id: randomUUID(),
    owner: randomUUID(),
    kind: 'spid.enroll',
    subject: await ensureSubject(db, { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) }),
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 100,
    wrappedKey: randomBytes(60),
    dueInMs: 60_000,
  });
  if (result.kind !== 'accepted') throw new Error(`expected an acceptance, got ${result.kind}`);
  return result.transaction;
}

async function go(row: TransactionRow, ...events: TransactionEvent[]): Promise<TransactionRow> {
  let now = row;
  for (const event of events) {
    const next = await applyEvent(db, now, event);
    if (!next) throw new Error(`${event.type} was not applied`);
    now = next;
  }
  return now;
}

it('counts the workers that were lost since a person last asked for another try', async () => {
  const lost: TransactionEvent = { type: 'lost', reason: WORKER_LOST };
  const again: TransactionEvent[] = [{ type: 'absent' }, { type: 'claimed' }];
  const row = await accepted();
  expect(await countLostWorkers(db, row.id)).toBe(0);
  // An answer that was lost is no worker.
  let now = await go(row, { type: 'claimed' }, { type: 'lost', reason: 'timeout' }, ...again, lost, ...again, lost);
  expect(await countLostWorkers(db, row.id)).toBe(2);
  now = await go(now, { type: 'abandoned', reason: 'worker-lost-often' }, { type: 'resent' });
  expect(await countLostWorkers(db, row.id)).toBe(0);
  await go(now, ...again, lost);
  expect(await countLostWorkers(db, row.id)).toBe(1);
});

it.each([
  ['1 second', 30],
  ['8 minutes', 120],
  ['2 days', 3_600],
])('what failed after %s comes up again after %i s', async (stood, seconds) => {
  const row = await accepted();
  await db.query('update transactions set updated_at = now() - $2::interval where id = $1', [row.id, stood]);
  await setBack(db, row);
  const { rows } = await db.query(
    'select round(extract(epoch from due_at - now()))::int as seconds from transactions where id = $1',
    [row.id],
  );
  expect(rows[0]?.seconds).toBeGreaterThan(seconds - 5);
  expect(rows[0]?.seconds).toBeLessThanOrEqual(seconds + 1);
});

it('sets nothing back that somebody else moved', async () => {
  const row = await accepted();
  const claimed = await applyEvent(db, row, { type: 'claimed' }, { dueInMs: 5_000 });
  await setBack(db, row);
  expect((await getTransaction(db, row.id))?.dueAt).toEqual(claimed?.dueAt);
});
