import { randomBytes, randomUUID } from 'node:crypto';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import type { Database } from '@atesto/shared/ledger/database';
import { postpone } from '@atesto/shared/ledger/schedule';
import { ensureSubject } from '@atesto/shared/ledger/subjects';
import { applyEvent, getTransaction, type TransactionMoment } from '@atesto/shared/ledger/transactions';
import type { QueueName } from '@atesto/shared/queues/jobs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { ledgerInGroups } from '../ledger-in-groups.ts';
import type { WorkContext } from '../work-context.ts';
import { sweep } from './sweep.ts';

let ledger: Ledger;
let db: Database;

beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
afterAll(() => ledger?.stop());

/** An account's transaction that has been due for a minute: its create, a claim on it that ran out, its create again after a 429, or its poll. */
async function overdue(account: string | undefined, what: 'create' | 'claim' | 'retry' | 'poll'): Promise<string> {
  const id = randomUUID();
  const accepted = await acceptTransaction(db, {
    id,
    owner: randomUUID(),
    kind: account === undefined ? 'spid.enroll' : 'idcloud.process',
    account,
    keyName: account && 'default',
    subject: await ensureSubject(db, { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) }),
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 100,
    wrappedKey: randomBytes(60),
    dueInMs: -60_000,
  });
  if (accepted.kind !== 'accepted' || what === 'create') return id;
  const claimed = await applyEvent(db, accepted.transaction, { type: 'claimed' }, { dueInMs: -60_000 });
  if (what === 'claim') return id;
  const after =
    what === 'poll'
      ? ({ type: 'taken', upstreamId: id, upstreamStatus: '1' } as const)
      : ({ type: 'failed', reason: 'throttled' } as const);
  const row = claimed && (await applyEvent(db, claimed, after));
  if (row) await postpone(db, row, -60_000);
  return id;
}

it('puts polls in line for two seconds of the budget, and every create', async () => {
  const [small, large] = [randomUUID(), randomUUID()];
  const creates = await Promise.all(Array.from({ length: 15 }, () => overdue(small, 'create')));
  for (const account of [small, large]) await Promise.all(Array.from({ length: 15 }, () => overdue(account, 'poll')));
  const enqueued: TransactionMoment[] = [];
  const polls = () => enqueued.filter(({ state }) => state === 'awaiting');
  const inLine = async (queue: string) => polls().filter(({ account }) => queue === `idcloud-${account}`).length;
  // The rest of the context is for what is not due here.
  const enqueue = async (moment: TransactionMoment) => void enqueued.push(moment);
  const context = { db, enqueue, inLine } as Partial<WorkContext> as WorkContext;
  const accounts = [
    { name: small, requestsPerSecond: 2 },
    { name: large, requestsPerSecond: 100 },
  ];
  const round = () => sweep(context, { batch: 100, grouped: ['spid'], requeueMs: 30_000, polls: { accounts } });

  expect(await round()).toBe(15);
  expect(new Set(enqueued.filter(({ state }) => state === 'accepted').map(({ id }) => id))).toEqual(new Set(creates));
  expect(polls().filter(({ account }) => account === small)).toHaveLength(4);
  expect(polls().filter(({ account }) => account === large)).toHaveLength(15);
  await round();
  expect(await inLine(`idcloud-${small}`)).toBe(4);
  // Three were worked off: there is room again, and nobody is put in line twice.
  const worked = polls().filter(({ account }) => account === small);
  enqueued.length = 0;
  enqueued.push(worked[3] as TransactionMoment);
  await round();
  expect(polls()).toHaveLength(4);
  expect(new Set([...worked, ...polls()].map(({ id }) => id)).size).toBe(7);
});

it.each([
  ['was not taken by an account, while somebody may wait for it', 'retry', 'bank', '1 second', 'personWaiting'],
  ['was not taken by an account', 'retry', 'bank', '31 seconds', 'resend'],
  ['was not taken by SPID Server', 'retry', undefined, '1 second', 'resend'],
  ['was never sent to an account, while somebody may wait for it', 'create', 'bank', '1 second', 'personWaiting'],
  ['was never sent to an account', 'create', 'bank', '31 seconds', undefined],
  ['was never sent to SPID Server', 'create', undefined, '1 second', undefined],
] as const)('puts what %s in its lane', async (_what, stands, account, age, lane) => {
  const id = await overdue(account, stands);
  await db.query('update transactions set accepted_at = now() - $2::interval where id = $1', [id, age]);
  const enqueued: unknown[][] = [];
  const enqueue = async (moment: TransactionMoment, as?: string) => void enqueued.push([moment.id, as]);
  const inLine = async () => 0;
  await sweep({ db, enqueue, inLine } as Partial<WorkContext> as WorkContext, {
    batch: 100,
    grouped: ['spid'],
    requeueMs: 30_000,
  });
  expect(enqueued).toEqual([[id, lane]]);
});

it.each([
  ['sends', { sends: 1_000, polls: 0 }, { sends: 999, polls: 0 }],
  // A job of polls holds more.
  ['polls', { sends: 0, polls: 250 }, { sends: 0, polls: 249 }],
])('leaves due what a line full of %s already has, but for claims that ran out', async (_what, full, notFull) => {
  const waiting = await overdue(undefined, 'retry');
  const sent = await overdue(undefined, 'claim');
  const other = await overdue('bank', 'retry');
  const enqueued: string[] = [];
  const enqueue = async ({ id }: TransactionMoment) => void enqueued.push(id);
  let jobs = full;
  const observe = { transition: () => {} };
  const context: object = {
    ...ledgerInGroups(db),
    enqueue,
    inLine: async (_queue: string, lane?: string) => (lane === 'poll' ? 0 : jobs.sends) + jobs.polls,
    observe,
    settings: { settleMs: 9_000 },
  };
  const round = (grouped: QueueName[]) => sweep(context as WorkContext, { batch: 100, grouped, requeueMs: -60_000 });
  await round(['spid']);
  // However long its line is, an account's jobs are of one each.
  expect(enqueued).toContain(other);
  expect(enqueued).not.toContain(waiting);
  expect(await getTransaction(db, sent)).toMatchObject({ state: 'unknown', reason: 'worker-lost' });
  await round([]);
  expect(enqueued).toContain(waiting);
  enqueued.length = 0;
  jobs = notFull;
  await round(['spid']);
  expect(enqueued).toContain(waiting);
});

it.each([
  ['retrying', undefined, '31 days', 'dead'],
  ['retrying', undefined, '29 days', 'retrying'],
  ['retrying', 'bank', '73 hours', 'dead'],
  ['retrying', 'bank', '71 hours', 'retrying'],
  // Never begun: it is sent, however late.
  ['accepted', undefined, '31 days', 'accepted'],
] as const)('what is %s for %s after %s is %s', async (state, account, age, after) => {
  const id = await overdue(account, state === 'accepted' ? 'create' : 'retry');
  await db.query('update transactions set accepted_at = now() - $2::interval where id = $1', [id, age]);
  const enqueued: string[] = [];
  const context = {
    ...ledgerInGroups(db),
    inLine: async () => 0,
    enqueue: async (moment: TransactionMoment) => void enqueued.push(moment.id),
    observe: { transition: () => undefined },
  } as unknown as WorkContext;
  await sweep(context, { batch: 100, grouped: ['spid'], requeueMs: 30_000 });
  expect(await getTransaction(db, id)).toMatchObject({ state: after, ...(after === 'dead' && { reason: 'too-old' }) });
  expect(enqueued.includes(id)).toBe(after !== 'dead');
});
