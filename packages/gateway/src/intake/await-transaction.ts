import { isSettled } from '@atesto/shared/domain/transaction';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { GatewayContext } from '../gateway-context.ts';

/** Settled, or held up: somebody who waits at a counter wants to know either at once. */
export function hasNews(row: TransactionRow): boolean {
  return isSettled(row.state) || row.state === 'retrying' || row.state === 'unknown';
}

/**
 * Holds until `until` is true of the transaction or the time is over, and gives it as it stands then. `signal` ends the wait early, when the
 * caller is gone; so does a gateway that closes.
 */
export async function awaitTransaction(
  { db, feed, closing }: Pick<GatewayContext, 'db' | 'feed' | 'closing'>,
  first: TransactionRow,
  waitMs: number,
  until: (row: TransactionRow) => boolean,
  signal: AbortSignal,
): Promise<TransactionRow> {
  if (until(first) || waitMs <= 0) return first;
  const changes = new Changes();
  const unsubscribe = feed.subscribe(first.id, () => changes.mark());
  // And not `AbortSignal.timeout`, which would stay until its time has come, long after the answer.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), waitMs);
  const over = AbortSignal.any([late.signal, signal, closing.signal]);
  over.addEventListener('abort', () => changes.mark(), { once: true });
  try {
    let row = first;
    // Read after subscribing: what happened in between is not announced again.
    for (;;) {
      // It is accepted: a ledger that is away now must not make a failure of that.
      row = (await getTransaction(db, first.id).catch(() => undefined)) ?? row;
      if (until(row) || over.aborted) return row;
      await changes.next();
    }
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}

/** How long a compatible face holds its caller; a create of IDCloud is answered with `status: 1` then (IDCloud itself takes two seconds). */
const FACE_HOLD_MS = 30_000;

/** Holds a caller who is owed the upstream's answer, for `mostMs` at most: until it said something, or it is over. */
export function holdForAnswer(
  context: Pick<GatewayContext, 'db' | 'feed' | 'closing' | 'limits'>,
  transaction: TransactionRow,
  signal: AbortSignal,
  mostMs = FACE_HOLD_MS,
): Promise<TransactionRow> {
  const isAnswered = ({ state }: TransactionRow) => isSettled(state) || state === 'awaiting';
  return awaitTransaction(context, transaction, Math.min(mostMs, context.limits.waitMsMax), isAnswered, signal);
}

/** A wake-up that is not lost when it comes before the wait. */
class Changes {
  #marked = false;
  #wake: (() => void) | undefined;

  mark(): void {
    this.#marked = true;
    this.#wake?.();
  }

  async next(): Promise<void> {
    if (!this.#marked) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#marked = false;
    this.#wake = undefined;
  }
}
