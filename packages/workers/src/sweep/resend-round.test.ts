import { randomBytes, randomUUID } from 'node:crypto';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import type { Database } from '@atesto/shared/ledger/database';
import { beginResend, getResend } from '@atesto/shared/ledger/resends';
import type { TransactionMoment } from '@atesto/shared/ledger/transactions';
import { applyEvent } from '@atesto/shared/ledger/transactions';
import type { QueueName } from '@atesto/shared/queues/jobs';
import { queueOf } from '@atesto/shared/queues/jobs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { dailyResend } from './daily-resend.ts';
import { resendRound } from './resend-round.ts';

let ledger: Ledger;
let db: Database;

beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
afterAll(() => ledger?.stop());

async function failed(account: string | undefined): Promise<void> {
  const accepted = await acceptTransaction(db, {
    id: randomUUID(),
    owner: randomUUID(),
    kind: account === undefined ? 'spid.enroll' : 'idcloud.process',
    account,
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 100,
    wrappedKey: randomBytes(60),
    dueInMs: 60_000,
  });
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  const claimed = await applyEvent(db, accepted.transaction, { type: 'claimed' });
  if (claimed) await applyEvent(db, claimed, { type: 'refused', reason: 'client-error' }, { dueInMs: 600_000 });
}

it('fills each queue to two seconds of its pace, as it is worked off, until all is taken up', async () => {
  for (const account of [undefined, 'bank', 'elsewhere']) for (let i = 0; i < 25; i++) await failed(account);
  const run = (await beginResend(db, {})) as string;
  let lines: Record<QueueName, TransactionMoment[]> = { spid: [] };
  let questions = 2;
  const enqueue = async (moment: TransactionMoment) => {
    const queue = queueOf(moment);
    lines[queue] = [...(lines[queue] ?? []), moment];
  };
  const round = () =>
    resendRound(
      { db, enqueue, inLine: async (queue, lane) => (lane === 'resend' ? lines[queue]?.length : questions) ?? 0 },
      {
        paces: new Map<QueueName, number>([
          ['spid', 10],
          ['idcloud-bank', 2],
        ]),
        requeueMs: 30_000,
      },
    );
  const inLine = () => Object.fromEntries(Object.entries(lines).map(([queue, { length }]) => [queue, length]));

  // Twice two in line behind it are as many as the bank's two seconds.
  await round();
  expect(inLine()).toEqual({ spid: 20 });
  questions = 0;
  await round();
  expect(inLine()).toEqual({ spid: 20, 'idcloud-bank': 4 });
  await round();
  expect(inLine()).toEqual({ spid: 20, 'idcloud-bank': 4 });
  lines = { spid: [] };
  await round();
  expect(inLine()).toEqual({ spid: 5, 'idcloud-bank': 4 });
  while (lines['idcloud-bank']?.length) {
    lines = { spid: [] };
    await round();
  }
  // What spends an account that is not worked here waits for who works it.
  expect(await getResend(db, run)).toMatchObject({ state: 'running', found: 75, takenUp: 50 });
  await resendRound(
    { db, enqueue, inLine: async () => 0 },
    { paces: new Map([['idcloud-elsewhere', undefined]]), requeueMs: 1 },
  );
  expect(await getResend(db, run)).toMatchObject({ state: 'done', found: 75, takenUp: 75 });
});

it('begins a day once, at its time or later, whoever is there', async () => {
  const runs = async () =>
    (await db.query('select daily_on::text as day from resends where daily_on is not null order by 1')).rows;
  const workers = [dailyResend(db, '21:30'), dailyResend(db, '21:30'), dailyResend(db, undefined)];
  const at = async (text: string) => {
    await Promise.all(workers.map((worker) => worker(new Date(`2026-11-${text}`))));
    await db.query('update resends set ended_at = now() where ended_at is null');
  };
  await at('22T21:29:59');
  expect(await runs()).toEqual([]);
  await at('22T21:30:00');
  await at('22T21:30:01');
  // A process that starts afterwards knows that it was done.
  await dailyResend(db, '21:30')(new Date('2026-11-22T23:00:00'));
  expect(await runs()).toEqual([{ day: '2026-11-22' }]);
  await at('23T23:59:00');
  expect(await runs()).toEqual([{ day: '2026-11-22' }, { day: '2026-11-23' }]);
});

it('takes a run over everything that somebody began for the day’s, and yesterday’s for yesterday’s', async () => {
  await db.query('update resends set ended_at = now() where ended_at is null');
  const days = async () =>
    (await db.query(`select id, daily_on::text as day from resends where daily_on >= '2026-12-01' order by 2`)).rows;
  const end = () => db.query('update resends set ended_at = now() where ended_at is null');
  const worker = dailyResend(db, '21:30');
  const evening = (day: string) => worker(new Date(`2026-12-${day}T21:31:00`));

  const manual = await beginResend(db, {});
  await evening('01');
  expect(await days()).toEqual([{ id: manual, day: '2026-12-01' }]);
  await end();
  // Neither this process nor one that starts afterwards begins another.
  await evening('01');
  await dailyResend(db, '21:30')(new Date('2026-12-01T23:00:00'));
  expect(await days()).toHaveLength(1);

  await evening('02');
  await evening('03');
  expect((await days()).map(({ day }) => day)).toEqual(['2026-12-01', '2026-12-02']);
  await end();
  await evening('03');
  expect((await days()).map(({ day }) => day)).toEqual(['2026-12-01', '2026-12-02', '2026-12-03']);
  await end();
});
