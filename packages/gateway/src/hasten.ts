import type { Database } from '@atesto/shared/ledger/database';
import { makeDue } from '@atesto/shared/ledger/schedule';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';

/** However often somebody looks, a platform is asked again after this share of the transaction's age, and within these limits in milliseconds. */
const LOOKED_AT = { share: 0.05, leastMs: 1_000, mostMs: 30_000 };

/** Somebody looks at a transaction that waits for its answer: the platform is asked soon, and not only when its turn would come. */
export async function hasten(
  db: Database,
  { id, state, acceptedAt, dueAt }: Pick<TransactionRow, 'id' | 'state' | 'acceptedAt' | 'dueAt'>,
  nowMs: number,
): Promise<void> {
  if (state !== 'awaiting' || !dueAt) return;
  const { share, leastMs, mostMs } = LOOKED_AT;
  const soonMs = Math.min(mostMs, Math.max(leastMs, (nowMs - acceptedAt.getTime()) * share));
  // It is due as soon anyway: nothing is written.
  if (dueAt.getTime() <= nowMs + soonMs) return;
  await makeDue(db, id, soonMs);
}
