import { type Job, WaitingError } from 'bullmq';
import { openWorker, type QueueBackend } from './backend.ts';
import { type JobName, jobData, type QueueName, type TransactionJob } from './jobs.ts';
import { type Pace, pacedProcessor } from './paced.ts';
import { Slots } from './slots.ts';

/** A running consumer of one queue. */
export interface WorkConsumer {
  /** From now on so many transactions at once; 0 takes no new jobs. */
  adapt(count: number): void;
  /** Takes no new jobs and waits for those under way. */
  close(): Promise<void>;
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
    const left: TransactionJob[] = [];
    const work = async (one: TransactionJob) => {
      if (!(await slots.take(job.priority))) return void left.push(one);
      // One's failure is not another's.
      await handle(job.name, one)
        .catch(onError)
        .finally(() => slots.release());
    };
    if (limit === undefined) {
      await Promise.all(moments.map(work));
    } else {
      // A limit counts jobs: of several that came as one the first is worked, and the others stand in line again.
      await (paced ? paced.process(job, first, token) : handle(job.name, first));
      left.push(...others);
    }
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
    // A window that is over, or taken away, is seen within a second.
    ...(typeof limit === 'number' ? { limiter: inQuarters(limit), maximumRateLimitDelay: 1_000 } : {}),
  };
  const { close, adapt } = openWorker(backend, options.queue, process, common, onError);
  return {
    adapt(count) {
      if (paced) return paced.adapt(count);
      adapt(count);
      // What has been handed out goes on to where it is put off.
      slots.adapt(Math.max(1, count));
    },
    async close() {
      paced?.stop();
      slots.stop();
      await close();
      await paced?.drained();
    },
  };
}
