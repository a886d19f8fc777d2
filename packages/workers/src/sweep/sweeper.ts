import { setTimeout as delay } from 'node:timers/promises';
import type { WorkContext } from '../work-context.ts';
import type { SweepOptions } from './sweep.ts';
import { sweep } from './sweep.ts';

/** Sweeps in rounds until closed. */
export interface Sweeper {
  /** Ends after the round under way. */
  close(): Promise<void>;
}

/** Starts the rounds: at once while there is more than a batch to do, else every `intervalMs`. A failed round is reported and tried again. */
export function startSweeper(
  context: WorkContext,
  options: SweepOptions & { intervalMs: number },
  onError: (error: unknown) => void,
): Sweeper {
  const stop = new AbortController();
  const rounds = (async () => {
    while (!stop.signal.aborted) {
      const found = await sweep(context, options).catch((error) => {
        onError(error);
        return 0;
      });
      if (found < options.batch) await delay(options.intervalMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return {
    async close() {
      stop.abort();
      await rounds;
    },
  };
}
