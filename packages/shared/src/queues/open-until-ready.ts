import { setTimeout as delay } from 'node:timers/promises';

/** What BullMQ's queues and workers have in common. */
interface Opened {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

const PAUSE_MS = 500;

/**
 * Opens one of BullMQ's on PostgreSQL, and another one in its place as long as it does not get ready. BullMQ keeps the failure of its first connection for
 * ever (`sorry, too many clients already`, for one); a worker that runs then tries again without a pause, in which nothing else of the process runs.
 * @param made gets each as soon as it is there
 * @returns resolves with the one that got ready; undefined when `signal` was aborted before
 */
export async function openUntilReady<T extends Opened>(
  open: () => T,
  { made, onError, signal }: { made: (one: T) => void; onError: (error: Error) => void; signal: AbortSignal },
): Promise<T | undefined> {
  while (!signal.aborted) {
    const one = open();
    made(one);
    try {
      await one.waitUntilReady();
      return signal.aborted ? undefined : one;
    } catch (error) {
      if (signal.aborted) return undefined;
      onError(error as Error);
      await one.close().catch(() => undefined);
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}
