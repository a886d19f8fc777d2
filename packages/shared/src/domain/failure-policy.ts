import type { TransactionKind, TransactionState } from './transaction.ts';

/**
 * What is done about each kind of failure, as data: whoever decides reads it here, and the table in `docs/reliability.md` is made from it. All times in
 * milliseconds, deadlines in days.
 */

/** Waits that double, from `firstMs` to `mostMs`. Each is drawn between nothing and all of it (full jitter), so that what failed together does not come back together. */
export interface Backoff {
  firstMs: number;
  mostMs: number;
}

export type Remedy =
  /** Nothing is tried any more: a person has to look. */
  | { remedy: 'final' }
  /** Certainly not taken: sent again. `Retry-After` is never undercut; the jitter comes on top of it. */
  | { remedy: 'retry'; backoff: Backoff }
  /** It may have been taken: nothing is sent before the upstream was asked. It first rests for so many times `SETTLE_MS`, for it may be under way there. */
  | { remedy: 'ask'; restFactor: number }
  /** The credential is renewed and the call made again within the same attempt, so many times. */
  | { remedy: 'renew'; times: number }
  /** The upstream took it and failed at it: sent anew after each of these waits, and then given up. */
  | { remedy: 'anew'; waitsMs: readonly number[] };

const away = { firstMs: 2_000, mostMs: 15 * 60_000 };

export const failurePolicies = {
  /** Most 4xx: the upstream read it and will never take it as it is. */
  refused: { remedy: 'final' },
  /** What was sealed is missing, tampered with, or under a key that is gone. */
  'body-unreadable': { remedy: 'final' },
  /** 429. Everybody who calls the account goes more slowly by then. */
  throttled: { remedy: 'retry', backoff: { firstMs: 1_000, mostMs: 60_000 } },
  /** No connection, 503, no token; 401 and 403 that a new token did not mend. */
  unavailable: { remedy: 'retry', backoff: away },
  /** Its account or key was taken out of the settings: it waits for it to come back. */
  'not-configured': { remedy: 'retry', backoff: away },
  /** The vault's disk failed before anything was sent. */
  'vault-away': { remedy: 'retry', backoff: away },
  /** The answer was lost, or is one that proves nothing. */
  'answer-lost': { remedy: 'ask', restFactor: 1 },
  /** It did not answer in time: it may still be at work on what it received, and would only then show it. */
  'answer-late': { remedy: 'ask', restFactor: 12 },
  /** The worker that was sending went silent for its whole lease. */
  'worker-lost': { remedy: 'ask', restFactor: 1 },
  /** The API would not have a token whose life is not over. */
  'credential-expired': { remedy: 'renew', times: 1 },
  /** IDCloud ended it with status 4 or 5. */
  voided: { remedy: 'anew', waitsMs: [1_000, 2_000, 4_000] },
} as const satisfies Record<string, Remedy>;
export type FailureKind = keyof typeof failurePolicies;

const DAY_MS = 24 * 60 * 60_000;
/** After so many days the network forgets a pending transaction (the PSBio rule), so a person has to look. */
const DEADLINE_DAYS = 30;
/** What is of no use to anybody sooner: whoever waited for a face went another way. A hosted journey has its own end, days later. */
const soonerDays: Partial<Record<TransactionKind, number>> = { 'idcloud.process': 3, 'idcloud.document': 3 };

/** Where it cannot be asked, it is asked again after as long as it has been unknown: asking is no attempt that could be counted. */
export const askingAgain: Backoff = away;

/** Until when something is tried or asked for, in days from its acceptance. */
export function deadlineDays(kind: TransactionKind): number {
  return soonerDays[kind] ?? DEADLINE_DAYS;
}

/**
 * Whether nobody waits for it any more. What IDCloud holds past its own, sooner deadline is given a result by its poll, which its caller can act upon
 * (`isPastUse`); after the days of all others it is past this one too.
 */
export function isPastDeadline(kind: TransactionKind, state: TransactionState, ageMs: number): boolean {
  return ageMs > (state === 'awaiting' ? DEADLINE_DAYS : deadlineDays(kind)) * DAY_MS;
}

/** Whether an answer that is still awaited would be of no use to anybody. */
export function isPastUse(kind: TransactionKind, ageMs: number): boolean {
  return kind in soonerDays && ageMs > deadlineDays(kind) * DAY_MS;
}
