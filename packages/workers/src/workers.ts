import { isLedgerAway } from '@atesto/shared/ledger/passing-failure';
import type { RequestBudgets } from '@atesto/shared/ledger/request-budget';
import { isCurrent, setBack } from '@atesto/shared/ledger/schedule';
import type { QueueBackend } from '@atesto/shared/queues/backend';
import type { ConsumeOptions, WorkConsumer } from '@atesto/shared/queues/consume';
import { consume } from '@atesto/shared/queues/consume';
import type { JobName, QueueName, TransactionJob } from '@atesto/shared/queues/jobs';
import { queueOf, queuesOf } from '@atesto/shared/queues/jobs';
import { deadlineIn } from './deadline.ts';
import type { UpstreamStanding } from './health/watch-upstreams.ts';
import { watchUpstreams } from './health/watch-upstreams.ts';
import { outlast } from './outlast.ts';
import { poll } from './poll/poll.ts';
import { reconcile } from './reconcile/reconcile.ts';
import { submit } from './submit/submit.ts';
import { dailyResend } from './sweep/daily-resend.ts';
import { resendRound } from './sweep/resend-round.ts';
import { type Rounds, startRounds } from './sweep/rounds.ts';
import type { BudgetedPolls, SweepOptions } from './sweep/sweep.ts';
import { sweep } from './sweep/sweep.ts';
import type { WorkContext } from './work-context.ts';

const work: Record<JobName, (context: WorkContext, job: TransactionJob) => Promise<void>> = { submit, reconcile, poll };

/** How long a job waits for a ledger that is away before it is given back, in milliseconds. */
const LEDGER_AWAY_MS = 30_000;

export interface WorkersOptions {
  backend: QueueBackend;
  /** Jobs in work at once, for each queue. */
  concurrency: number;
  /** Calls a second to SPID Server; undefined, no limit. */
  spidPerSecond?: number | undefined;
  /** IDCloud's accounts and what paces them; left out, none are worked here. */
  idcloud?: { budgets: RequestBudgets } & BudgetedPolls;
  sweep: Omit<SweepOptions, 'polls'> & { intervalMs: number };
  /** Runs of resend all, and when one begins each day (`HH:MM`); left out, none are worked here. */
  resends?: { dailyAt: string | undefined };
  onError: (error: unknown) => void;
}

/** The running workers. */
export interface Workers {
  /** How the upstreams stand. */
  upstreams(): UpstreamStanding[];
  /** Takes nothing new, finishes what is under way. */
  close(): Promise<void>;
}

/** Starts a consumer for every upstream account, and the sweeper. */
export function startWorkers(context: WorkContext, options: WorkersOptions): Workers {
  const { backend, concurrency, idcloud, onError } = options;
  const watched = watchUpstreams(context, { queues: queuesOf(idcloud?.accounts ?? []), concurrency, onError });
  const watching = { ...context, observe: { ...context.observe, call: watched.call } };
  const start = (queue: QueueName, limit: ConsumeOptions['limit']) => {
    const consumer = consume(backend, { queue, concurrency, limit, onError }, (name, job) =>
      context.observe.job(name, () => attempt(watching, name, job, (run) => watched.gate(queue, job, run))),
    );
    watched.steer(queue, consumer);
    return consumer;
  };
  const consumers: WorkConsumer[] = [
    start('spid', options.spidPerSecond),
    ...(idcloud
      ? idcloud.accounts.map(({ name: account }) =>
          start(queueOf({ account }), {
            turn: (signal) => idcloud.budgets.turn(account, signal),
            // IDCloud cannot be asked what became of a create, and what was overtaken in line calls nobody.
            spends: async (name, job) => name !== 'reconcile' && isCurrent(context.db, job),
          }),
        )
      : []),
  ];
  const sweepOptions: SweepOptions = { ...options.sweep, polls: idcloud };
  const sweeps = startRounds(
    options.sweep.intervalMs,
    async () => ((await sweep(context, sweepOptions)) < options.sweep.batch ? 'done' : 'more'),
    onError,
  );
  const resends = options.resends && startResends(context, options, options.resends);
  return {
    upstreams: watched.standing,
    async close() {
      await resends?.close();
      await sweeps.close();
      await Promise.all(consumers.map((consumer) => consumer.close()));
      await watched.close();
    },
  };
}

async function attempt(
  context: WorkContext,
  name: JobName,
  job: TransactionJob,
  gate: (run: () => Promise<void>) => Promise<void>,
): Promise<void> {
  try {
    // Given back at once, a job would be lost to the sweep's next round for what is often a restart of seconds.
    await outlast(() => gate(() => work[name](context, job)), deadlineIn(LEDGER_AWAY_MS));
  } catch (error) {
    // What fails at this very transaction comes up ever more seldom. A claim that it left behind ends with its lease.
    if (!isLedgerAway(error)) await setBack(context.db, job);
    throw error;
  }
}

function startResends(
  context: WorkContext,
  { idcloud, spidPerSecond, sweep: { requeueMs, intervalMs }, onError }: WorkersOptions,
  { dailyAt }: NonNullable<WorkersOptions['resends']>,
): Rounds {
  const paces = new Map<QueueName, number | undefined>([['spid', spidPerSecond]]);
  for (const { name, requestsPerSecond } of idcloud?.accounts ?? [])
    paces.set(queueOf({ account: name }), requestsPerSecond);
  const beginDaily = dailyResend(context.db, dailyAt);
  return startRounds(
    intervalMs,
    async () => {
      await beginDaily(new Date());
      return resendRound(context, { paces, requeueMs });
    },
    onError,
  );
}
