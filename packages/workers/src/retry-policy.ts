import type { TransactionKind } from '@atesto/shared/domain/transaction';

/** When things are tried again. All times in milliseconds; every delay is spread by ±20 % so that a whole branch does not come back at once. */

/** First wait after a known failure; doubles with each attempt up to the cap. */
const backoffs = {
  failed: { firstMs: 2_000, mostMs: 15 * 60_000 },
  /** Told to come back later (429). Everybody who calls the account goes more slowly by then. */
  throttled: { firstMs: 1_000, mostMs: 60_000 },
} as const;

/**
 * When an answer is asked for: quick ones are found quickly, slow ones cost little. A poll waits `growth` of the transaction's age, from `firstMs` to
 * `soonMs`; when a quarter of the age is more than that, a quarter of the age, at most an hour. A growth of 1 doubles the age with each poll.
 */
interface PollSchedule {
  firstMs: number;
  growth: number;
  soonMs: number;
}
const POLL_AGE_SHARE = 0.25;
const POLL_MAX_MS = 60 * 60_000;
const spidSchedule: PollSchedule = { firstMs: 1_000, growth: POLL_AGE_SHARE, soonMs: POLL_MAX_MS };
/** Of IDCloud's ten calls a second few are left for polls, and a notice makes a transaction due before its time. */
const idcloudSchedule: PollSchedule = { firstMs: 2_000, growth: 1, soonMs: 60_000 };
const pollSchedules: Partial<Record<TransactionKind, PollSchedule>> = {
  'idcloud.process': idcloudSchedule,
  'idcloud.document': idcloudSchedule,
  /** Somebody has a journey before him: it takes minutes, or is never made. */
  'idcloud.unico': { firstMs: 10_000, growth: 0.5, soonMs: 60_000 },
};

/** Waits before a new attempt at what the upstream took and failed at; after the last of them there is none. */
const ANEW_MS = [1_000, 2_000, 4_000];
/** After this the network forgets a pending transaction (the PSBio 30-day rule), and so a person has to look. */
export const MAX_AGE_MS = 30 * 24 * 60 * 60_000;

/** Source of chance in [0, 1). */
export type Random = () => number;

/** Wait before attempt number `attempt + 1`. The upstream's own `Retry-After` is never undercut. */
export function retryDelay(
  attempt: number,
  random: Random,
  retryAfterMs = 0,
  after: keyof typeof backoffs = 'failed',
): number {
  const { firstMs, mostMs } = backoffs[after];
  const backoff = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  return Math.round(Math.max(retryAfterMs, spread(backoff, random)));
}

/** Wait before the next poll of a transaction that was accepted `ageMs` ago. */
export function pollDelay(kind: TransactionKind, ageMs: number, random: Random, retryAfterMs = 0): number {
  const { firstMs, growth, soonMs } = pollSchedules[kind] ?? spidSchedule;
  const soon = Math.min(soonMs, Math.max(firstMs, ageMs * growth));
  const wait = Math.min(POLL_MAX_MS, Math.max(soon, ageMs * POLL_AGE_SHARE));
  return Math.round(Math.max(retryAfterMs, spread(wait, random)));
}

/** Wait before a new attempt at what came to nothing at the upstream `before` times already; undefined where no more are made. */
export function anewDelay(before: number, random: Random): number | undefined {
  const wait = ANEW_MS[before];
  return wait === undefined ? undefined : Math.round(spread(wait, random));
}

function spread(ms: number, random: Random): number {
  return ms * (0.8 + 0.4 * random());
}
