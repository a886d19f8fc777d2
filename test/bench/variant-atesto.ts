import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { transactionEventTypes, transactionKinds, transactionStates } from '@atesto/shared/domain/transaction';
import { migrate, openDatabase } from '@atesto/shared/ledger/database';
import { countStanding } from '@atesto/shared/ledger/standing';
import { ensureSubject } from '@atesto/shared/ledger/subjects';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { acceptTransaction } from '@atesto/shared/ledger/transactions';
import { jobCatalogue, queuesOf } from '@atesto/shared/queues/jobs';
import { openQueues, type QueueBackend } from '@atesto/shared/queues/queues';
import { createLog } from '@atesto/shared/telemetry/log';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createWorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import { createSpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { sealCpf } from '@atesto/shared/vault/cpf-column';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault } from '@atesto/shared/vault/vault';
import { ledgerInGroups } from '@atesto/workers/ledger-in-groups';
import { createObserver } from '@atesto/workers/observe';
import type { WorkContext } from '@atesto/workers/work-context';
import { startWorkers } from '@atesto/workers/workers';
import { bodyOf, FIRST_TIMESTAMP, OPERATOR, SOMEBODY } from './bodies.ts';
import { openGate } from './queue-gate.ts';
import {
  CONCURRENCY,
  DATABASE_CONNECTIONS,
  inParallel,
  numbersIn,
  RoundClock,
  SOCKETS,
  type Variant,
  type VariantSettings,
} from './variant.ts';

/** Longer than a round: the sweep runs as always and finds nothing. */
const NOT_IN_THIS_ROUND_MS = 600_000;

/** The workers as `packages/workers/src/run.ts` puts them together, observer and log included, on ledger, vault and queue. */
export async function openAtesto(settings: VariantSettings, backend: QueueBackend): Promise<Variant> {
  let clock = new RoundClock(0);
  const onError = (error: unknown) => clock.fail(error);
  await migrate(settings.database);
  const db = openDatabase({ url: settings.database, max: DATABASE_CONNECTIONS }, onError);
  const keyRing = createKeyRing([{ id: 'bench', key: generateKey() }], generateKey());
  const metrics = createWorkerMetrics(createMetrics({ service: 'workers', version: 'bench' }), {
    kinds: transactionKinds,
    states: transactionStates,
    events: transactionEventTypes,
    jobs: Object.keys(jobCatalogue),
    queues: queuesOf([]),
    lanes: [],
    upstreams: queuesOf([]),
    operations: ['submit', 'result', 'findTransaction'],
  });
  const store = await createFileStore(path.join(settings.dir, 'vault'));
  const vault = createVault({ keyRing, store, observe: metrics.vault });
  const spid = createSpidServerClient({ url: settings.stub, connections: SOCKETS });
  const queues = openQueues(backend, queuesOf([]), onError, { grouped: ['spid'] });
  const gate = await openGate('spid', backend);
  const observer = createObserver(metrics, createLog({ service: 'workers', level: 'info' }), spid);
  const ledger = ledgerInGroups(db);
  const context: WorkContext = {
    ...ledger,
    // A claim is the first thing that a worker does for a transaction.
    applyEvent: (moment, event, plan) => {
      clock.begin(moment.id);
      return ledger.applyEvent(moment, event, plan);
    },
    keyRing,
    vault,
    spid,
    upstreamOf: () => spid,
    enqueue: (moment, lane) => queues.enqueue(moment, lane),
    inLine: (queue, lane) => queues.inLine(queue, lane),
    observe: {
      ...observer,
      transition(after, event) {
        observer.transition(after, event);
        if (event === 'concluded') clock.done(after.id);
        else if (event !== 'claimed') clock.fail(new Error(`${event} instead of concluded: ${after.reason}`));
      },
    },
    settings: { submitTimeoutMs: 120_000, leaseMs: 180_000, settleMs: 5_000 },
    random: Math.random,
  };
  const workers = startWorkers(context, {
    backend,
    concurrency: CONCURRENCY,
    sweep: { batch: 500, requeueMs: 30_000, intervalMs: 1_000 },
    onError,
  });
  const [subject, operator] = await Promise.all(
    [SOMEBODY, OPERATOR].map((cpf) => ensureSubject(db, sealCpf(keyRing, cpf as Cpf))),
  );
  const owner = randomUUID();
  let accepted: TransactionRow[] = [];

  async function accept(number: number): Promise<void> {
    const payload = randomUUID();
    const { wrappedKey, bytes } = await vault.put(payload, [bodyOf(number)]);
    const result = await acceptTransaction(db, {
      id: randomUUID(),
      owner,
      kind: 'spid.enroll',
      subject: subject as string,
      operator,
      operatorVerification: 'verified',
      capturedAt: new Date(FIRST_TIMESTAMP + number),
      requestMac: randomBytes(32),
      payload,
      payloadBytes: bytes,
      wrappedKey,
      dueInMs: NOT_IN_THIS_ROUND_MS,
    });
    if (result.kind !== 'accepted') throw new Error(`not accepted: ${result.kind}`);
    accepted.push(result.transaction);
    await queues.enqueue(result.transaction);
  }

  return {
    async prepare(range) {
      await gate.close();
      clock = new RoundClock(range.count);
      accepted = [];
      await inParallel(numbersIn(range), 20, accept);
      // After so many inserts at once; where they come over hours, autovacuum does it.
      await db.query('analyze');
    },
    async run() {
      await gate.open();
      return await clock.end();
    },
    async finish() {
      const others = await countStanding(db);
      if (others.length > 0)
        throw new Error(`the ledger has ${others.map((row) => `${row.state}: ${row.count}`).join(', ')}`);
      await inParallel(accepted, 20, ({ payload }) => vault.destroy(payload));
    },
    async close() {
      await gate.release();
      await workers.close();
      await Promise.all([queues.close(), spid.close()]);
      await db.end();
    },
  };
}
