import type { KeptAnswer, TransactionEvent } from '@atesto/shared/domain/transaction';

/** What happened → what next: the event to apply, when the transaction is due again, and what a face has to repeat. */
export interface Decision {
  event: TransactionEvent;
  /** Undefined where nothing is due any more. */
  dueInMs?: number;
  result?: Record<string, unknown>;
  /** What its caller is owed whole. */
  kept?: KeptAnswer;
}

/** Nothing new: only the next look moves. */
export interface KeepWaiting {
  event?: undefined;
  dueInMs: number;
}
