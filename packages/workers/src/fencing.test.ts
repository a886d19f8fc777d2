import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import { postpone } from '@atesto/shared/ledger/schedule';
import { ensureSubject } from '@atesto/shared/ledger/subjects';
import {
  getTransaction,
  listEvents,
  type TransactionMoment,
  type TransactionRow,
} from '@atesto/shared/ledger/transactions';
import { readSpidStanding } from '@atesto/shared/upstreams/spid-server';
import type { SubmitResult, UpstreamBody } from '@atesto/shared/upstreams/upstream';
import { sealCpf } from '@atesto/shared/vault/cpf-column';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault, type Vault } from '@atesto/shared/vault/vault';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../test/stack/ledger.ts';
import { waitFor } from '../../../test/stack/wait-for.ts';
import { ledgerInGroups } from './ledger-in-groups.ts';
import { poll } from './poll/poll.ts';
import { reconcile } from './reconcile/reconcile.ts';
import { submit } from './submit/submit.ts';
import { sweep } from './sweep/sweep.ts';
import type { WorkContext } from './work-context.ts';

/** A worker that comes second, or comes back late: its result is dropped, whatever it is. The ledger, its guard and the vault are real; the platform answers when the test says so. */

const PERSON = '52998224725' as Cpf;
const OPERATOR = '12345678909' as Cpf;
const CAPTURED = new Date(1_700_000_000_000);
const taken = (upstreamId: string): SubmitResult => ({ kind: 'taken', upstreamId, upstreamStatus: 'ENROLL_PENDING' });

const keyRing = createKeyRing([{ id: 'k', key: generateKey() }], generateKey());
let ledger: Ledger;
let home: string;
let vault: Vault;
let subject: string;
let operator: string;

beforeAll(async () => {
  ledger = await startLedger();
  home = await mkdtemp(path.join(tmpdir(), 'atesto-fencing-'));
  vault = createVault({ keyRing, store: await createFileStore(home) });
  [subject, operator] = (await Promise.all(
    [PERSON, OPERATOR].map((cpf) => ensureSubject(ledger.db, sealCpf(keyRing, cpf))),
  )) as [string, string];
});
afterAll(async () => {
  await ledger?.stop();
  await rm(home, { recursive: true, force: true });
});

/** What the platform was asked, and how each of the calls is answered. */
let calls: PromiseWithResolvers<SubmitResult>[];
let asked: number;
/** What it holds of the person, or why it cannot be asked. */
let held: 'ours' | 'nothing';
let answerOf: PromiseWithResolvers<void> | undefined;
let enqueued: TransactionMoment[];

beforeEach(() => {
  [calls, asked, held, answerOf, enqueued] = [[], 0, 'nothing', undefined, []];
});

/** One worker process: it writes what happens in groups of its own. */
function openWorker(): WorkContext {
  const platform = {
    async submit(_kind: string, body: UpstreamBody) {
      const call = Promise.withResolvers<SubmitResult>();
      await buffer(await body.open());
      calls.push(call);
      return call.promise;
    },
    async result() {
      asked++;
      await answerOf?.promise;
      return { kind: 'ok', value: { final: true, outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } } };
    },
    async findTransaction() {
      asked++;
      await answerOf?.promise;
      const ours = { id: 'u-found', type: 'ENROLL', status: 'ENROLL_PENDING', userId: PERSON, operatorId: OPERATOR };
      return { kind: 'ok', value: held === 'ours' ? [{ ...ours, timestamp: CAPTURED.getTime() }] : [] };
    },
    standing: readSpidStanding,
  } as unknown as WorkContext['spid'];
  return {
    ...ledgerInGroups(ledger.db),
    vault,
    keyRing,
    spid: platform,
    upstreamOf: () => platform,
    enqueue: async (moment) => void enqueued.push(moment),
    inLine: async () => 0,
    observe: {
      transition: () => undefined,
      call: (_of, _operation, run) => run(),
      circuit: () => undefined,
      polled: () => undefined,
      job: (_name, run) => run(),
    },
    settings: { submitTimeoutMs: 20_000, leaseMs: 60_000, settleMs: 0 },
    random: () => 0,
  };
}

async function accept(): Promise<TransactionRow> {
  const payload = randomUUID();
  const { wrappedKey, bytes } = await vault.put(payload, [randomBytes(1_000)]);
  const accepted = await acceptTransaction(ledger.db, {
    id: randomUUID(),
    owner: randomUUID(),
    kind: 'spid.enroll',
    subject,
    operator,
    operatorVerification: 'verified',
    capturedAt: CAPTURED,
    requestMac: randomBytes(32),
    payload,
    payloadBytes: bytes,
    wrappedKey,
    dueInMs: 60_000,
  });
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  return accepted.transaction;
}

const now = async ({ id }: { id: string }) => (await getTransaction(ledger.db, id)) as TransactionRow;
const eventsOf = async ({ id }: { id: string }) => (await listEvents(ledger.db, id)).map(({ type }) => type);
const underWay = (count: number) => waitFor(() => calls.length === count, { what: `${count} calls under way` });

/** Its lease is over, as the sweep finds. */
async function lapse(row: TransactionRow): Promise<void> {
  await postpone(ledger.db, await now(row), -1);
  await sweep(openWorker(), { grouped: [], batch: 100, requeueMs: 30_000 });
}

it('makes one call of a moment that several workers are handed at once', async () => {
  const row = await accept();
  const workers = Array.from({ length: 6 }, openWorker);
  const submits = [...workers, ...workers].map((worker) => submit(worker, row));
  await underWay(1);
  calls[0]?.resolve(taken('u-1'));
  await Promise.all(submits);
  expect(calls.length).toBe(1);
  expect(await eventsOf(row)).toEqual(['accepted', 'claimed', 'taken']);
  expect(await now(row)).toMatchObject({ state: 'awaiting', attempt: 1, upstreamId: 'u-1' });
});

it('takes a job that stalled for unknown, not for failed, and sends nothing for it', async () => {
  const row = await accept();
  const frozen = submit(openWorker(), row);
  await underWay(1);
  // The queue hands the same job to others while the first is still silent: once, and again.
  for (let stalled = 0; stalled < 3; stalled++) await submit(openWorker(), row);
  expect(await now(row)).toMatchObject({ state: 'submitting', attempt: 1 });
  await lapse(row);
  expect(await now(row)).toMatchObject({ state: 'unknown', reason: 'worker-lost', attempt: 1 });
  await submit(openWorker(), row);
  expect([calls.length, await eventsOf(row)]).toEqual([1, ['accepted', 'claimed', 'lost']]);
  calls[0]?.resolve(taken('u-late'));
  await frozen;
});

const results: [string, SubmitResult][] = [
  ['that it was taken', taken('u-late')],
  ['an answer', { kind: 'answered', outcome: { verdict: 'match', upstreamStatus: 'SEARCH_MATCH' } }],
  ['a refusal', { kind: 'refused', reason: 'bad-request' }],
  ['that nobody is there', { kind: 'unavailable', reason: 'connect-refused' }],
  ['that it does not know', { kind: 'unknown', reason: 'answer-lost' }],
];

it.each(results)('drops what a worker brings that was frozen past its lease: %s', async (_what, result) => {
  const row = await accept();
  const frozen = submit(openWorker(), row);
  await underWay(1);
  await lapse(row);
  held = 'ours';
  await reconcile(openWorker(), await now(row));
  const before = await now(row);
  expect(before).toMatchObject({ state: 'awaiting', upstreamId: 'u-found' });
  calls[0]?.resolve(result);
  await frozen;
  expect(await now(row)).toEqual(before);
  expect(await eventsOf(row)).toEqual(['accepted', 'claimed', 'lost', 'found']);
});

it('drops it too when another worker is sending by then: the second attempt is not ended by the first', async () => {
  const row = await accept();
  const frozen = submit(openWorker(), row);
  await underWay(1);
  await lapse(row);
  await reconcile(openWorker(), await now(row));
  expect(await now(row)).toMatchObject({ state: 'retrying' });
  const second = submit(openWorker(), await now(row));
  await underWay(2);
  calls[0]?.resolve({ kind: 'refused', reason: 'bad-request' });
  await frozen;
  expect(await now(row)).toMatchObject({ state: 'submitting', attempt: 2 });
  calls[1]?.resolve(taken('u-2'));
  await second;
  expect(await now(row)).toMatchObject({ state: 'awaiting', attempt: 2, upstreamId: 'u-2' });
  expect(await eventsOf(row)).toEqual(['accepted', 'claimed', 'lost', 'absent', 'claimed', 'taken']);
});

it('writes one conclusion where several workers poll the same moment', async () => {
  const row = await accept();
  const sent = submit(openWorker(), row);
  await underWay(1);
  calls[0]?.resolve(taken('u-1'));
  await sent;
  const awaiting = await now(row);
  answerOf = Promise.withResolvers();
  const polls = Array.from({ length: 4 }, () => poll(openWorker(), awaiting));
  await waitFor(() => asked === 4, { what: 'four polls under way' });
  answerOf.resolve();
  await Promise.all(polls);
  expect(await eventsOf(row)).toEqual(['accepted', 'claimed', 'taken', 'concluded']);
});

it('sends once more, not four times, where several workers find that it never arrived', async () => {
  const row = await accept();
  const frozen = submit(openWorker(), row);
  await underWay(1);
  await lapse(row);
  const unknown = await now(row);
  enqueued = [];
  answerOf = Promise.withResolvers();
  const asking = Array.from({ length: 4 }, () => reconcile(openWorker(), unknown));
  await waitFor(() => asked === 4, { what: 'four questions under way' });
  answerOf.resolve();
  await Promise.all(asking);
  expect(enqueued.map(({ id, state }) => [id, state])).toEqual([[row.id, 'retrying']]);
  expect(await eventsOf(row)).toEqual(['accepted', 'claimed', 'lost', 'absent']);
  calls[0]?.resolve(taken('u-late'));
  await frozen;
  expect(await now(row)).toMatchObject({ state: 'retrying', upstreamId: undefined });
});

it('does not move the due time of a moment that has passed', async () => {
  const row = await accept();
  const sent = submit(openWorker(), row);
  await underWay(1);
  await postpone(ledger.db, row, 3_600_000);
  const { dueAt } = await now(row);
  expect(dueAt?.getTime()).toBeLessThan(Date.now() + 61_000);
  calls[0]?.resolve(taken('u-1'));
  await sent;
});
