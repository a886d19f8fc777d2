import { inGroups } from '../domain/in-groups.ts';
import { add, type JobQueue, openProducers, type QueueBackend } from './backend.ts';
import type { Lane, QueueName, TransactionJob } from './jobs.ts';
import { jobCatalogue, jobFor, lanes, queueOf } from './jobs.ts';
import { SHARE_LEVELS, Shares } from './shares.ts';

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
  /**
   * Takes away the window of a queue's rate where it ends later than one can: whoever wrote it has had its clock set back since. On PostgreSQL BullMQ keeps
   * a window by its worker's clock, and the queue would stand still until that has caught up. @throws when the backend is away
   */
  mendRate(queue: QueueName): Promise<void>;
  /** True when the backend answers. */
  isReachable(): Promise<boolean>;
  close(): Promise<void>;
}

/** Jobs that are added to one place of a lane at the same time: a backlog does not wait for the way there and back of each. */
const ADDS_AT_ONCE = 8;

/** No window of a rate is longer than a second (`consume`). */
const LONGEST_WINDOW_MS = 2_000;

/** BullMQ's priority of the first place in a lane; 0 would be none. */
const firstPriority = (lane: Lane) => (lanes[lane] - 1) * SHARE_LEVELS + 1;

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
  const producers = openProducers(backend, onError);
  const queues = new Map<QueueName, JobQueue>();
  const shares = new Shares();
  const adding = new Map<string, (job: TransactionJob) => Promise<void>>();
  for (const name of names) {
    producers.open(name, (queue) => {
      queue.on('error', onError);
      queues.set(name, queue);
    });
  }
  return {
    async enqueue(moment, lane) {
      const name = jobFor(moment.state);
      if (!name) return;
      const queueName = queueOf(moment);
      if (!queues.has(queueName)) return;
      const { id, kind, account, state, version, attempt, diedIn, station, owner } = moment;
      const inLane = lane ?? jobCatalogue[name].lane;
      const source = station ?? owner;
      const place = source === undefined ? 0 : shares.place(`${inLane} ${source}`, performance.now());
      const job: TransactionJob = { id, kind, account, state, version, attempt, diedIn };
      const priority = firstPriority(inLane) + place;
      // By its name each time: on PostgreSQL another one may have come in its place.
      const addAll = async (jobs: readonly TransactionJob[]) => {
        const queue = queues.get(queueName);
        if (queue) await add(queue, name, jobs, priority);
        return jobs.map(() => undefined);
      };
      if (!grouped.includes(queueName)) return void (await addAll([job]));
      const together = `${queueName} ${name} ${priority}`;
      let adder = adding.get(together);
      if (adder === undefined) {
        adder = inGroups(addAll, jobCatalogue[name].together, ADDS_AT_ONCE);
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
    async mendRate(name) {
      const queue = queues.get(name);
      if (queue && (await queue.getRateLimitTtl(1)) > LONGEST_WINDOW_MS) await queue.removeRateLimitKey();
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
      await producers.close(() => queues.values());
    },
  };
}
