import { setTimeout as delay } from 'node:timers/promises';
import { isPassingFailure } from '@atesto/shared/ledger/passing-failure';

/** Waits between two tries, in milliseconds: doubled each time. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * Does `work` again while the ledger is away. Only for what may be done twice, as everything is that the ledger's guard lets through once.
 * @param deadline epoch milliseconds
 * @throws what the last try threw
 */
export async function outlast<T>(work: () => Promise<T>, deadline: number): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isPassingFailure(error) || Date.now() + wait >= deadline) throw error;
    }
    await delay(wait);
  }
}
