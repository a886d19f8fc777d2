import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { transactionEventTypes, transactionKinds, transactionStates } from '@atesto/shared/domain/transaction';
import { jobCatalogue, queueNames } from '@atesto/shared/queues/jobs';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createWorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import { createObserver } from '@atesto/workers/observe';
import type { Workers } from '@atesto/workers/workers';
import { startWorkers } from '@atesto/workers/workers';

/** A chance that no dice give: whatever rests for seconds rests for tens of milliseconds. */
const AT_ONCE = -1.9;

interface TestWorkers extends Workers {
  /** What they tell a monitor. */
  metrics(): Promise<string>;
}

/** Workers in this process, on a test gateway's ledger, vault, queue and simulated SPID Server. `hurried` ones try and ask again almost at once. */
export function startTestWorkers({ context, databaseUrl }: TestGateway, { hurried = false } = {}): TestWorkers {
  const metrics = createWorkerMetrics(createMetrics({ service: 'workers', version: 'test' }), {
    kinds: transactionKinds,
    states: transactionStates,
    events: transactionEventTypes,
    jobs: Object.keys(jobCatalogue),
    queues: queueNames,
    upstreams: queueNames,
    operations: ['submit', 'result', 'findTransaction'],
  });
  const workers = startWorkers(
    {
      db: context.db,
      vault: context.vault,
      keyRing: context.keyRing,
      spid: context.spid,
      upstreamOf: () => context.spid,
      enqueue: (moment, lane) => context.enqueue(moment, lane),
      observe: createObserver(metrics, context.log, context.spid),
      settings: { submitTimeoutMs: 20_000, leaseMs: 30_000, settleMs: hurried ? 50 : 200 },
      random: hurried ? () => AT_ONCE : Math.random,
    },
    {
      backend: { kind: 'postgres', url: databaseUrl },
      queues: ['spid'],
      concurrency: 10,
      perSecond: {},
      sweep: { batch: 100, requeueMs: 30_000, intervalMs: hurried ? 20 : 100 },
      onError: (error) => context.log.error('background-failed', { error }),
    },
  );
  return { ...workers, metrics: async () => (await metrics.expose()).body };
}
