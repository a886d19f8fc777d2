import type { Job } from 'bullmq';
import { createPostgresBackend, Queue, WaitingError, Worker, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { inGroups } from '../domain/in-groups.ts';
import type { JobName, Lane, QueueName, TransactionJob } from './jobs.ts';
import { jobCatalogue, jobData, jobFor, lanes, MOMENTS_OF_JOB, queueOf } from './jobs.ts';
import { type Pace, pacedProcessor } from './paced.ts';
import { SHARE_LEVELS, Shares } from './shares.ts';
import { Slots } from './slots.ts';

/** Where the queue lives: Redis in production, the ledger's PostgreSQL (BullMQ's own backend) where there is none. */
export type QueueBackend = { kind: 'redis'; url: string } | { kind: 'postgres'; url: string };

/** Who brought a transaction: the station, else the owner. Within a lane they take turns; it does not go into the job. */
interface Source {
  owner?: string | undefined;
  station?: string | undefined;
}

/** Puts work in line. Adding is a hint: the ledger's sweep finds what got lost, so a failed add is reported, never fatal. */
export interface WorkQueues {
  /** Enqueues what `moment` needs next; does nothing for a moment that needs no job. @throws when the backend is away. */
  enqueue(moment: TransactionJob & Source, lane?: Lane): Promise<void>;
  /** How many jobs wait in a queue, in one lane or in all. @throws when the backend is away */
  inLine(queue: QueueName, lane?: Lane): Promise<number>;
  /** Jobs in line, by queue and BullMQ's state. @throws when the backend is away. */
  counts(): Promise<{ queue: QueueName; state: string; count: number }[]>;
  /** True when the backend answers. */
  isReachable(): Promise<boolean>;
  close(): Promise<void>;
}

/** BullMQ's priority of the first place in a lane; 0 would be none. */
const firstPriority = (lane: Lane) => (lanes[lane] - 1) * SHARE_LEVELS + 1;

/** A running consumer of one queue. */
export interface WorkConsumer {
  /** Takes no new jobs and waits for those under way. */
  close(): Promise<void>;
}

const PREFIX = '{atesto}';

/** A commit of the queue does not wait for the disk: the sweep makes up for what a database that dies takes along. */
const ON_POSTGRES = { migrate: true, options: '-c synchronous_commit=off' } as const;

const postgres = withBackend(createPostgresBackend);

type JobQueue = Pick<Queue<unknown, void, JobName>, 'add' | 'close' | 'getCountsPerPriority' | 'getJobCounts'> & {
  on(event: 'error', listener: (error: Error) => void): unknown;
};

function openQueue(backend: QueueBackend, name: QueueName, connection: Redis | undefined): JobQueue {
  return connection
    ? new Queue(name, { connection, prefix: PREFIX })
    : new postgres.Queue(name, { connection: { connectionString: backend.url, ...ON_POSTGRES, max: 4 } });
}

async function add(queue: JobQueue, name: JobName, moments: readonly TransactionJob[], priority: number) {
  const [first] = moments;
  await queue.add(name, moments, {
    // One job for a moment, while it waits; afterwards the ledger's guard keeps a second one out. Who puts many in line keeps them from being doubled.
    ...(moments.length === 1 && { jobId: `${first?.id}-${first?.version}` }),
    priority,
    removeOnComplete: true,
    removeOnFail: true,
  });
}

/**
 * Connects the producers' side of the queues named. Fails fast: a caller at the door does not wait for a queue that is away. What spends an account
 * that is not configured here is left to the sweep of a process where it is.
 * @param options.grouped queues into which moments that come at once go as one job: those whose jobs are not counted against a rate
 */
export function openQueues(
  backend: QueueBackend,
  names: readonly QueueName[],
  onError: (error: Error) => void,
  { grouped = [] }: { grouped?: readonly QueueName[] } = {},
): WorkQueues {
  const connection =
    backend.kind === 'redis'
      ? new Redis(backend.url, { maxRetriesPerRequest: 1, enableOfflineQueue: true, connectTimeout: 5_000 })
      : undefined;
  connection?.on('error', onError);
  const queues = new Map<QueueName, JobQueue>();
  const shares = new Shares();
  const adding = new Map<string, (job: TransactionJob) => Promise<void>>();
  for (const name of names) {
    const queue = openQueue(backend, name, connection);
    queue.on('error', onError);
    queues.set(name, queue);
  }
  return {
    async enqueue(moment, lane) {
      const name = jobFor(moment.state);
      if (!name) return;
      const queue = queues.get(queueOf(moment));
      if (!queue) return;
      const { id, kind, account, state, version, attempt, diedIn, station, owner } = moment;
      const inLane = lane ?? jobCatalogue[name].lane;
      const source = station ?? owner;
      const place = source === undefined ? 0 : shares.place(`${inLane} ${source}`, Date.now());
      const job: TransactionJob = { id, kind, account, state, version, attempt, diedIn };
      const priority = firstPriority(inLane) + place;
      const queueName = queueOf(moment);
      if (!grouped.includes(queueName)) return add(queue, name, [job], priority);
      const together = `${queueName} ${name} ${priority}`;
      let adder = adding.get(together);
      if (adder === undefined) {
        adder = inGroups(async (jobs) => {
          await add(queue, name, jobs, priority);
          return jobs.map(() => undefined);
        }, MOMENTS_OF_JOB);
        adding.set(together, adder);
      }
      await adder(job);
    },
    async inLine(name, lane) {
      const queue = queues.get(name);
      const counts = lane
        ? await queue?.getCountsPerPriority(
            Array.from({ length: SHARE_LEVELS }, (_, place) => firstPriority(lane) + place),
          )
        : await queue?.getJobCounts('waiting', 'prioritized');
      return Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0);
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
        await queues.values().next().value?.getJobCounts('waiting');
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
  /** Transactions in work at once in this process. */
  concurrency: number;
  /** How many jobs begin in a second at most, or what says when the next one may; left out, as many as there are. */
  limit?: number | Pace | undefined;
  onError: (error: Error) => void;
}

/** A limit in quarters of a second: what is spent at once is waited for no longer, by whoever comes next. */
function inQuarters(perSecond: number): { max: number; duration: number } {
  const max = Math.ceil(perSecond / 4);
  return { max, duration: Math.ceil((max / perSecond) * 1_000) };
}

/** Works one account's queue. `handle` gets moments whose shape has been checked; what it throws is reported and the sweep takes the transaction up again. */
export function consume(
  backend: QueueBackend,
  options: ConsumeOptions,
  handle: (name: JobName, job: TransactionJob) => Promise<void>,
): WorkConsumer {
  const { limit, concurrency, onError } = options;
  const paced = typeof limit === 'object' ? pacedProcessor({ pace: limit, concurrency, onError }, handle) : undefined;
  const slots = new Slots(concurrency);
  async function process(job: Job<unknown, void, JobName>, token?: string): Promise<void> {
    const moments = jobData.parse(job.data);
    const [first, ...others] = moments as [TransactionJob, ...TransactionJob[]];
    if (limit !== undefined) {
      // A limit counts jobs: several that came as one stand in line again one by one.
      if (others.length > 0) for (const one of moments) await add(again(), job.name, [one], job.priority);
      else await (paced ? paced.process(job, first, token) : handle(job.name, first));
      return;
    }
    const left: TransactionJob[] = [];
    const work = async (one: TransactionJob) => {
      if (!(await slots.take(job.priority))) return void left.push(one);
      // One's failure is not another's.
      await handle(job.name, one)
        .catch(onError)
        .finally(() => slots.release());
    };
    await Promise.all(moments.map(work));
    if (left.length === 0) return;
    await job.updateData(left);
    await job.moveToWait(token);
    throw new WaitingError();
  }
  const common = {
    concurrency: paced ? 1 : concurrency,
    // A stalled job is simply handed out again: its transaction's version keeps it from a second effect. BullMQ's 30 s would leave what a dead
    // worker had fetched, and not claimed, in nobody's hands for up to a minute: the sweep cannot add a job that is there.
    maxStalledCount: 10,
    lockDuration: 10_000,
    stalledInterval: 5_000,
    // BullMQ's 15 s would leave every worker idle for so long after its backend is back.
    runRetryDelay: 500,
    ...(typeof limit === 'number' ? { limiter: inQuarters(limit) } : {}),
  };
  const connection = backend.kind === 'redis' ? new Redis(backend.url, { maxRetriesPerRequest: null }) : undefined;
  connection?.on('error', onError);
  let producer: JobQueue | undefined;
  const again = () => {
    if (producer) return producer;
    producer = openQueue(backend, options.queue, connection);
    producer.on('error', onError);
    return producer;
  };
  const worker = connection
    ? new Worker<unknown, void, JobName>(options.queue, process, { ...common, connection, prefix: PREFIX })
    : new postgres.Worker<unknown, void, JobName>(options.queue, process, {
        ...common,
        connection: { connectionString: backend.url, ...ON_POSTGRES },
      });
  worker.on('error', onError);
  worker.on('failed', (_job: unknown, error: Error) => onError(error));
  return {
    async close() {
      paced?.stop();
      slots.stop();
      await worker.close();
      await paced?.drained();
      await producer?.close();
      connection?.disconnect();
    },
  };
}
