import type { JobName, QueueName, TransactionJob } from '@atesto/shared/queues/jobs';
import type { QueueBackend, WorkConsumer } from '@atesto/shared/queues/queues';
import { consume } from '@atesto/shared/queues/queues';
import { outlast } from './outlast.ts';
import { poll } from './poll/poll.ts';
import { reconcile } from './reconcile/reconcile.ts';
import { submit } from './submit/submit.ts';
import { startRounds } from './sweep/rounds.ts';
import type { SweepOptions } from './sweep/sweep.ts';
import { sweep } from './sweep/sweep.ts';
import type { WorkContext } from './work-context.ts';

const work: Record<JobName, (context: WorkContext, job: TransactionJob) => Promise<void>> = { submit, reconcile, poll };

/** How long a job waits for a ledger that is away before it is given back, in milliseconds. */
const LEDGER_AWAY_MS = 30_000;

export interface WorkersOptions {
  backend: QueueBackend;
  /** Accounts whose queue is worked here. */
  queues: readonly QueueName[];
  /** Jobs in work at once, for each queue. */
  concurrency: number;
  /** Requests per second that each account allows; undefined, no limit. */
  perSecond: Partial<Record<QueueName, number>>;
  sweep: SweepOptions & { intervalMs: number };
  onError: (error: unknown) => void;
}

/** The running workers. */
export interface Workers {
  /** Takes nothing new, finishes what is under way. */
  close(): Promise<void>;
}

/** Starts a consumer for every upstream account, and the sweeper. */
export function startWorkers(context: WorkContext, options: WorkersOptions): Workers {
  const consumers: WorkConsumer[] = options.queues.map((queue) =>
    consume(
      options.backend,
      {
        queue,
        concurrency: options.concurrency,
        perSecond: options.perSecond[queue],
        onError: options.onError,
      },
      // Given back at once, a job would be lost to the sweep's next round for what is often a restart of seconds.
      (name, job) =>
        context.observe.job(name, () => outlast(() => work[name](context, job), Date.now() + LEDGER_AWAY_MS)),
    ),
  );
  const sweeps = startRounds(
    options.sweep.intervalMs,
    async () => ((await sweep(context, options.sweep)) < options.sweep.batch ? 'done' : 'more'),
    options.onError,
  );
  return {
    async close() {
      await sweeps.close();
      await Promise.all(consumers.map((consumer) => consumer.close()));
    },
  };
}
