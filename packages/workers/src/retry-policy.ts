/** When things are tried again. All times in milliseconds; every delay is spread by ±20 % so that a whole branch does not come back at once. */

/** First wait after a known failure; doubles with each attempt up to the cap. */
const RETRY_BASE_MS = 2_000;
const RETRY_CAP_MS = 15 * 60_000;
/** A poll waits a quarter of the transaction's age, within these bounds: quick answers are found quickly, slow ones cost little. */
const POLL_MIN_MS = 1_000;
const POLL_MAX_MS = 60 * 60_000;
const POLL_AGE_SHARE = 0.25;
/** After this the network forgets a pending transaction (the PSBio 30-day rule), and so a person has to look. */
export const MAX_AGE_MS = 30 * 24 * 60 * 60_000;

/** Source of chance in [0, 1). */
export type Random = () => number;

/** Wait before attempt number `attempt + 1`. The upstream's own `Retry-After` is never undercut. */
export function retryDelay(attempt: number, random: Random, retryAfterMs = 0): number {
  const backoff = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(attempt - 1, 20));
  return Math.round(Math.max(retryAfterMs, spread(backoff, random)));
}

/** Wait before the next poll of a transaction that was accepted `ageMs` ago. */
export function pollDelay(ageMs: number, random: Random, retryAfterMs = 0): number {
  const wait = Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, ageMs * POLL_AGE_SHARE));
  return Math.round(Math.max(retryAfterMs, spread(wait, random)));
}

function spread(ms: number, random: Random): number {
  return ms * (0.8 + 0.4 * random());
}
