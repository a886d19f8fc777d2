import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { transactionEventTypes, transactionKinds, transactionStates } from '@atesto/shared/domain/transaction';
import { jobCatalogue, queueNames } from '@atesto/shared/queues/jobs';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createWorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import { createObserver } from '@atesto/workers/observe';
import type { Workers } from '@atesto/workers/workers';
import { startWorkers } from '@atesto/workers/workers';

/** Workers in this process, on a test gateway's ledger, vault, queue and simulated SPID Server. */
export function startTestWorkers({ context, databaseUrl }: TestGateway): Workers {
  const metrics = createWorkerMetrics(createMetrics({ service: 'workers', version: 'test' }), {
    kinds: transactionKinds,
    states: transactionStates,
    events: transactionEventTypes,
    jobs: Object.keys(jobCatalogue),
    queues: queueNames,
    upstreams: queueNames,
    operations: ['submit', 'result', 'findTransaction'],
  });
  return startWorkers(
    {
      db: context.db,
      vault: context.vault,
      keyRing: context.keyRing,
      spid: context.spid,
      upstreamOf: () => context.spid,
      enqueue: (moment, lane) => context.enqueue(moment, lane),
      observe: createObserver(metrics, context.log),
      settings: { submitTimeoutMs: 20_000, leaseMs: 30_000, settleMs: 200 },
      random: Math.random,
    },
    {
      backend: { kind: 'postgres', url: databaseUrl },
      queues: ['spid'],
      concurrency: 10,
      perSecond: {},
      sweep: { batch: 100, requeueMs: 30_000, intervalMs: 100 },
      onError: (error) => context.log.error('background-failed', { error }),
    },
  );
}
