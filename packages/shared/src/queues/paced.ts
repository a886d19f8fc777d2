import type { Job } from 'bullmq';
import { WaitingError } from 'bullmq';
import type { JobName, TransactionJob } from './jobs.ts';

/** What says when a queue's next job may begin. */
export interface Pace {
  /** Waits for the next turn, of all the processes that work the queue. @throws when `signal` is aborted */
  turn(signal: AbortSignal): Promise<void>;
  /** False for a job that will call nobody: it needs no turn. */
  spends(name: JobName, job: TransactionJob): Promise<boolean>;
}

/** A turn that is used later than this, in milliseconds, would come too close to somebody else's. */
const FRESH_MS = 100;

export interface PacedOptions {
  pace: Pace;
  /** Jobs under way at once, until `adapt` says otherwise. */
  concurrency: number;
  onError: (error: Error) => void;
}

/**
 * A processor for a BullMQ worker that takes one job at a time. It begins a job and holds it only until there is a turn for another one: so the
 * backend hands out the next job when it may begin, and not before, and a higher lane that was filled in the meantime goes first.
 */
export function pacedProcessor(
  { pace, concurrency, onError }: PacedOptions,
  handle: (name: JobName, job: TransactionJob) => Promise<void>,
) {
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  let turnAt = Number.NEGATIVE_INFINITY;
  let isWarm = false;
  let most = concurrency;
  let wake = () => {};
  const hasTurn = () => most > 0 && performance.now() - turnAt <= FRESH_MS;

  async function takeTurn(): Promise<void> {
    // The first one goes alone: it gets a token and a connection, for which the next ones would wait and then leave together.
    while (!stopping.signal.aborted && underWay.size >= (isWarm ? most : Math.min(most, 1))) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    await pace.turn(stopping.signal);
    turnAt = performance.now();
  }

  function begin(name: JobName, job: TransactionJob): void {
    const run = handle(name, job)
      .catch(onError)
      .finally(() => {
        isWarm = true;
        underWay.delete(run);
        wake();
      });
    underWay.add(run);
  }

  return {
    async process(job: Job<unknown, void, JobName>, data: TransactionJob, token?: string): Promise<void> {
      // Where it cannot be told, it is taken to call.
      if (!(await pace.spends(job.name, data).catch(() => true))) return handle(job.name, data);
      if (!hasTurn()) {
        const since = performance.now();
        await takeTurn().catch(() => undefined);
        // It came after a pause, and did not get a turn at once: whoever is first by now goes first.
        if (!hasTurn() || turnAt - since > FRESH_MS) {
          await job.moveToWait(token);
          throw new WaitingError();
        }
      }
      turnAt = Number.NEGATIVE_INFINITY;
      begin(job.name, data);
      await takeTurn().catch((error) => {
        if (!stopping.signal.aborted) throw error;
      });
    },
    /** From now on so many jobs at once; 0 begins no new ones. */
    adapt(jobs: number): void {
      most = jobs;
      wake();
    },
    /** Lets go of the job that waits for a turn. */
    stop(): void {
      stopping.abort();
      wake();
    },
    /** Resolves when nothing is under way any more. */
    async drained(): Promise<void> {
      await Promise.all(underWay);
    },
  };
}
