import { setTimeout as delay } from 'node:timers/promises';
import { isPassingFailure } from '@atesto/shared/ledger/passing-failure';
import { VaultError } from '@atesto/shared/vault/vault-error';
import type { Deadline } from './deadline.ts';

/** Waits between two tries, in milliseconds: doubled each time. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * Does `work` again while the ledger is away. Only for what may be done twice, as everything is that the ledger's guard lets through once.
 * @throws what the last try threw
 */
export async function outlast<T>(work: () => Promise<T>, deadline: Deadline): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await work();
    } catch (error) {
      // What does not open now does not open later.
      if (error instanceof VaultError && error.kind !== 'storage') throw error;
      if (!isPassingFailure(error) || wait >= deadline.leftMs()) throw error;
    }
    await delay(wait);
  }
}
