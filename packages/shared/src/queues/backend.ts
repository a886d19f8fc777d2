import type { Processor, WorkerOptions } from 'bullmq';
import { createPostgresBackend, Queue, Worker, withBackend } from 'bullmq';
import { connectProducer, connectWorker, prefixOf, type RedisBackend } from './connection.ts';
import type { JobName, QueueName, TransactionJob } from './jobs.ts';
import { openUntilReady } from './open-until-ready.ts';

/** Where the queue lives: Redis in production, the ledger's PostgreSQL (BullMQ's own backend) where there is none. */
export type QueueBackend = RedisBackend | PostgresBackend;

interface PostgresBackend {
  kind: 'postgres';
  url: string;
  /** Connections at most of a queue's worker, one that listens aside; its producer has no more than `PRODUCER_CONNECTIONS`. */
  connections?: number;
}

/** A producer's statements are short. */
const PRODUCER_CONNECTIONS = 4;
const WORKER_CONNECTIONS = 10;

/** A commit of the queue does not wait for the disk: the sweep makes up for what a database that dies takes along. */
const ON_POSTGRES = { migrate: true, options: '-c synchronous_commit=off' } as const;

const postgres = withBackend(createPostgresBackend);

export type JobQueue = Pick<
  Queue<unknown, void, JobName>,
  'add' | 'close' | 'getCountsPerPriority' | 'getJobCounts' | 'getRateLimitTtl' | 'removeRateLimitKey'
> & {
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/** All queues share a connection to Redis; on PostgreSQL each has its own few. `put` gets the queue, and later perhaps one in its place. */
export function openProducers(
  backend: QueueBackend,
  onError: (error: Error) => void,
): {
  open(name: QueueName, put: (queue: JobQueue) => void): void;
  close(queues: () => Iterable<JobQueue>): Promise<void>;
} {
  if (backend.kind === 'postgres') {
    const max = Math.min(PRODUCER_CONNECTIONS, backend.connections ?? PRODUCER_CONNECTIONS);
    const connection = { connectionString: backend.url, ...ON_POSTGRES, max };
    const stopping = new AbortController();
    return {
      open: (name, put) =>
        void openUntilReady(() => new postgres.Queue<unknown, void, JobName>(name, { connection }), {
          made: put,
          onError,
          signal: stopping.signal,
        }),
      async close(queues) {
        stopping.abort();
        await closeAll(queues());
      },
    };
  }
  const connection = connectProducer(backend);
  connection.on('error', onError);
  return {
    open: (name, put) => put(new Queue(name, { connection, prefix: prefixOf(name) })),
    async close(queues) {
      await closeAll(queues());
      connection.disconnect();
    },
  };
}

const closeAll = (queues: Iterable<JobQueue>) => Promise.all(Array.from(queues, (queue) => queue.close()));

/** Puts moments in line as one job. */
export async function add(
  queue: JobQueue,
  name: JobName,
  moments: readonly TransactionJob[],
  priority: number,
): Promise<void> {
  const [first] = moments;
  await queue.add(name, moments, {
    // One job for a moment, while it waits; afterwards the ledger's guard keeps a second one out. Who puts many in line keeps them from being doubled.
    ...(moments.length === 1 && { jobId: `${first?.id}-${first?.version}` }),
    priority,
    removeOnComplete: true,
    removeOnFail: true,
  });
}

/** @returns what closes it, and its connection; and what has it take so many jobs at once, 0 none */
export function openWorker(
  backend: QueueBackend,
  queue: QueueName,
  process: Processor<unknown, void, JobName>,
  common: Omit<WorkerOptions, 'connection'>,
  onError: (error: Error) => void,
): { close(): Promise<void>; adapt(jobs: number): void } {
  if (backend.kind === 'postgres') {
    const max = backend.connections ?? WORKER_CONNECTIONS;
    const connection = { connectionString: backend.url, ...ON_POSTGRES, max };
    const stopping = new AbortController();
    const open = () =>
      new postgres.Worker<unknown, void, JobName>(queue, process, { ...common, connection, autorun: false });
    let worker: ReturnType<typeof open> | undefined;
    let wanted: number | undefined;
    const made = (next: ReturnType<typeof open>) => {
      worker = next;
      next.on('error', onError);
      next.on('failed', (_job: unknown, error: Error) => onError(error));
      if (wanted !== undefined) adapt(next, wanted, onError);
    };
    void openUntilReady(open, { made, onError, signal: stopping.signal }).then((ready) => ready?.run().catch(onError));
    return {
      adapt(jobs) {
        wanted = jobs;
        if (worker) adapt(worker, jobs, onError);
      },
      async close() {
        stopping.abort();
        await worker?.close();
      },
    };
  }
  const connection = connectWorker(backend);
  connection.on('error', onError);
  const worker = new Worker(queue, process, { ...common, connection, prefix: prefixOf(queue) });
  worker.on('error', onError);
  worker.on('failed', (_job: unknown, error: Error) => onError(error));
  return {
    adapt: (jobs) => adapt(worker, jobs, onError),
    async close() {
      await worker.close();
      connection.disconnect();
    },
  };
}

type Adaptable = Pick<Worker<unknown, void, JobName>, 'concurrency' | 'isPaused' | 'pause' | 'resume'>;

function adapt(worker: Adaptable, jobs: number, onError: (error: Error) => void): void {
  if (jobs === 0) return void worker.pause(true).catch(onError);
  worker.concurrency = jobs;
  // What it reports itself it does not throw.
  if (worker.isPaused()) void worker.resume();
}
