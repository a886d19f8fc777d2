import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import type { IdcloudAccount } from '@atesto/shared/contracts/idcloud-accounts';
import {
  isSpidKind,
  transactionEventTypes,
  transactionKinds,
  transactionStates,
} from '@atesto/shared/domain/transaction';
import { createRequestBudgets } from '@atesto/shared/ledger/request-budget';
import { jobCatalogue, queuesOf } from '@atesto/shared/queues/jobs';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createWorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import type { IdcloudAccounts } from '@atesto/shared/upstreams/idcloud-accounts';
import { ledgerInGroups } from '@atesto/workers/ledger-in-groups';
import { createObserver } from '@atesto/workers/observe';
import type { Workers } from '@atesto/workers/workers';
import { startWorkers } from '@atesto/workers/workers';

/** A chance that no dice give: whatever rests for seconds rests for tens of milliseconds. */
const AT_ONCE = -1.9;

interface TestWorkers extends Workers {
  /** What they tell a monitor. */
  metrics(): Promise<string>;
}

interface TestWorkersOptions {
  /** They try and ask again almost at once. */
  hurried?: boolean;
  /** Simulated accounts of IDCloud. */
  idcloud?: { accounts: readonly IdcloudAccount[]; upstreams: IdcloudAccounts } | undefined;
}

/** Workers in this process, on a test gateway's ledger, vault, queue and simulated platforms. */
export function startTestWorkers(
  { context, databaseUrl }: TestGateway,
  { hurried = false, idcloud }: TestWorkersOptions = {},
): TestWorkers {
  const onError = (error: unknown) => context.log.error('background-failed', { error });
  const queues = queuesOf(idcloud?.accounts ?? []);
  const metrics = createWorkerMetrics(createMetrics({ service: 'workers', version: 'test' }), {
    kinds: transactionKinds,
    states: transactionStates,
    events: transactionEventTypes,
    jobs: Object.keys(jobCatalogue),
    queues,
    lanes: [],
    upstreams: queues,
    operations: ['submit', 'result', 'findTransaction'],
  });
  const workers = startWorkers(
    {
      ...ledgerInGroups(context.db),
      vault: context.vault,
      keyRing: context.keyRing,
      spid: context.spid,
      upstreamOf: (row) => (isSpidKind(row.kind) ? context.spid : idcloud?.upstreams.upstreamOf(row)),
      enqueue: (moment, lane) => context.enqueue(moment, lane),
      inLine: async () => 0,
      observe: createObserver(metrics, context.log, context.spid),
      settings: { submitTimeoutMs: 20_000, leaseMs: 30_000, settleMs: hurried ? 50 : 200 },
      random: hurried ? () => AT_ONCE : Math.random,
    },
    {
      backend: { kind: 'postgres', url: databaseUrl },
      concurrency: 10,
      ...(idcloud && {
        idcloud: {
          accounts: idcloud.accounts,
          budgets: createRequestBudgets(context.db, idcloud.accounts, onError),
        },
      }),
      sweep: { grouped: [], batch: 100, requeueMs: 30_000, intervalMs: hurried ? 20 : 100 },
      onError,
    },
  );
  return { ...workers, metrics: async () => (await metrics.expose()).body };
}
