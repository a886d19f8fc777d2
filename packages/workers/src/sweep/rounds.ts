import { setTimeout as delay } from 'node:timers/promises';

/** Work that is done in rounds until closed. */
export interface Rounds {
  /** Ends after the round under way. */
  close(): Promise<void>;
}

/**
 * Starts the rounds: the next one at once where `round` says that there is more to do, else after `intervalMs`. A failed round is reported and the next
 * one comes all the same.
 */
export function startRounds(
  intervalMs: number,
  round: () => Promise<'more' | 'done'>,
  onError: (error: unknown) => void,
): Rounds {
  const stop = new AbortController();
  const rounds = (async () => {
    while (!stop.signal.aborted) {
      const left = await round().catch((error) => {
        onError(error);
        return 'done';
      });
      if (left === 'done') await delay(intervalMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return {
    async close() {
      stop.abort();
      await rounds;
    },
  };
}
