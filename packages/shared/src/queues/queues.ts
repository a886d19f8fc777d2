import type { Job } from 'bullmq';
import { createPostgresBackend, Queue, Worker, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import type { JobName, Lane, QueueName, TransactionJob } from './jobs.ts';
import { jobCatalogue, jobFor, lanes, queueNames, queueOf, transactionJob } from './jobs.ts';

/** Where the queue lives: Redis in production, the ledger's PostgreSQL (BullMQ's own backend) where there is none. */
export type QueueBackend = { kind: 'redis'; url: string } | { kind: 'postgres'; url: string };

/** Puts work in line. Adding is a hint: the ledger's sweep finds what got lost, so a failed add is reported, never fatal. */
export interface WorkQueues {
  /** Enqueues what `moment` needs next; does nothing for a moment that needs no job. @throws when the backend is away. */
  enqueue(moment: TransactionJob, lane?: Lane): Promise<void>;
  /** Jobs in line, by queue and BullMQ's state. @throws when the backend is away. */
  counts(): Promise<{ queue: QueueName; state: string; count: number }[]>;
  /** True when the backend answers. */
  isReachable(): Promise<boolean>;
  close(): Promise<void>;
}

/** A running consumer of one queue. */
export interface WorkConsumer {
  /** Takes no new jobs and waits for those under way. */
  close(): Promise<void>;
}

const PREFIX = '{atesto}';

/** A commit of the queue does not wait for the disk: the sweep makes up for what a database that dies takes along. */
const ON_POSTGRES = { migrate: true, options: '-c synchronous_commit=off' } as const;

const postgres = withBackend(createPostgresBackend);

type JobQueue = Pick<Queue<unknown, void, JobName>, 'add' | 'close' | 'getJobCounts'> & {
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/** Connects the producers' side. Fails fast: a caller at the door does not wait for a queue that is away. */
export function openQueues(backend: QueueBackend, onError: (error: Error) => void): WorkQueues {
  const connection =
    backend.kind === 'redis'
      ? new Redis(backend.url, { maxRetriesPerRequest: 1, enableOfflineQueue: true, connectTimeout: 5_000 })
      : undefined;
  connection?.on('error', onError);
  const queues = new Map<QueueName, JobQueue>();
  for (const name of queueNames) {
    const queue: JobQueue = connection
      ? new Queue(name, { connection, prefix: PREFIX })
      : new postgres.Queue(name, { connection: { connectionString: backend.url, ...ON_POSTGRES, max: 4 } });
    queue.on('error', onError);
    queues.set(name, queue);
  }
  const queueFor = (name: QueueName): JobQueue => queues.get(name) as JobQueue;
  return {
    async enqueue(moment, lane) {
      const name = jobFor(moment.state);
      if (!name) return;
      const { id, kind, state, version, attempt, diedIn } = moment;
      const job: TransactionJob = { id, kind, state, version, attempt, diedIn };
      await queueFor(queueOf(kind)).add(name, job, {
        // One job for a moment, while it waits; afterwards the ledger's guard keeps a second one out.
        jobId: `${id}-${version}`,
        priority: lanes[lane ?? jobCatalogue[name].lane],
        removeOnComplete: true,
        removeOnFail: true,
      });
    },
    async counts() {
      const counted = await Promise.all(
        [...queues].map(async ([name, queue]) => ({ queue: name, counts: await queue.getJobCounts() })),
      );
      return counted.flatMap(({ queue, counts }) =>
        Object.entries(counts).map(([state, count]) => ({ queue, state, count })),
      );
    },
    async isReachable() {
      try {
        await queueFor('spid').getJobCounts('waiting');
        return true;
      } catch {
        return false;
      }
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      connection?.disconnect();
    },
  };
}

export interface ConsumeOptions {
  queue: QueueName;
  /** Jobs in work at once in this process. */
  concurrency: number;
  /** Requests per second that the account allows; left out, no limit. */
  perSecond?: number | undefined;
  onError: (error: Error) => void;
}

/** Works one account's queue. `handle` gets jobs whose shape has been checked; what it throws is reported and the sweep takes the transaction up again. */
export function consume(
  backend: QueueBackend,
  options: ConsumeOptions,
  handle: (name: JobName, job: TransactionJob) => Promise<void>,
): WorkConsumer {
  const process = async (job: Job<unknown, void, JobName>) => handle(job.name, transactionJob.parse(job.data));
  const common = {
    concurrency: options.concurrency,
    // A stalled job is simply handed out again: its transaction's version keeps it from a second effect. BullMQ's 30 s would leave what a dead
    // worker had fetched, and not claimed, in nobody's hands for up to a minute: the sweep cannot add a job that is there.
    maxStalledCount: 10,
    lockDuration: 10_000,
    stalledInterval: 5_000,
    // BullMQ's 15 s would leave every worker idle for so long after its backend is back.
    runRetryDelay: 500,
    ...(options.perSecond ? { limiter: { max: options.perSecond, duration: 1_000 } } : {}),
  };
  const connection = backend.kind === 'redis' ? new Redis(backend.url, { maxRetriesPerRequest: null }) : undefined;
  connection?.on('error', options.onError);
  const worker = connection
    ? new Worker<unknown, void, JobName>(options.queue, process, { ...common, connection, prefix: PREFIX })
    : new postgres.Worker<unknown, void, JobName>(options.queue, process, {
        ...common,
        connection: { connectionString: backend.url, ...ON_POSTGRES },
      });
  worker.on('error', options.onError);
  worker.on('failed', (_job: unknown, error: Error) => options.onError(error));
  return {
    async close() {
      await worker.close();
      connection?.disconnect();
    },
  };
}
