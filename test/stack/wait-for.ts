import { setTimeout as delay } from 'node:timers/promises';
import { StackError } from './stack-error.ts';

export interface WaitOptions {
  /** What is waited for, for the error message. */
  what: string;
  /** Milliseconds; default 30,000. */
  timeoutMs?: number;
  /** Milliseconds between two looks; default 20. */
  everyMs?: number;
}

/**
 * Looks until `condition` gives something other than `undefined` or `false`, and returns it. What the condition throws
 * ends the wait: a condition that may fail on its way catches that itself.
 */
export async function waitFor<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { what, timeoutMs = 30_000, everyMs = 20 }: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new StackError('failed', `${what} did not happen within ${timeoutMs} ms`);
    await delay(everyMs);
  }
}
