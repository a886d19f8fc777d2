import type { Backoff } from '@atesto/shared/domain/failure-policy';
import { askingAgain, failurePolicies } from '@atesto/shared/domain/failure-policy';
import type { TransactionKind } from '@atesto/shared/domain/transaction';
import { isSpidKind } from '@atesto/shared/domain/transaction';

/** When things are tried and asked for again, from the policies. All times in milliseconds. */

/**
 * When an answer is asked for: quick ones are found quickly, slow ones cost little. A poll waits `growth` of the transaction's age, from `firstMs` to
 * `soonMs`; when a fifth of the age is more than that, a fifth of the age, at most a day. Each wait is spread by ±20 %.
 */
export interface PollSchedule {
  firstMs: number;
  growth: number;
  soonMs: number;
}
/** With the spread above it: an answer is found at most a quarter of its processing time late. */
const POLL_AGE_SHARE = 0.2;
/** Once a day, so that nothing is given up long after it was last asked for. Hourly, a million that wait for people would cost 280 calls a second. */
const POLL_MAX_MS = 24 * 60 * 60_000;
const spidSchedule: PollSchedule = { firstMs: 1_000, growth: POLL_AGE_SHARE, soonMs: POLL_MAX_MS };
/** Of IDCloud's ten calls a second few are left for polls, and a notice makes a transaction due before its time. */
const idcloudSchedule: PollSchedule = { firstMs: 2_000, growth: 1, soonMs: 60_000 };
/** Somebody has a journey before him: it takes minutes, or is never made. */
const journeySchedule: PollSchedule = { firstMs: 10_000, growth: 0.5, soonMs: 60_000 };

export function pollScheduleOf(kind: TransactionKind): PollSchedule {
  if (kind === 'idcloud.unico') return journeySchedule;
  return isSpidKind(kind) ? spidSchedule : idcloudSchedule;
}

/** Told to come back in a minute, fifty transactions spread over this share of it. */
const TOLD_SPREAD = 0.2;

/** Source of chance in [0, 1). */
export type Random = () => number;

/** Wait before attempt number `attempt + 1`. `toldMs`: the upstream's own `Retry-After`, which is never undercut. */
export function retryDelay({ firstMs, mostMs }: Backoff, attempt: number, random: Random, toldMs = 0): number {
  return jittered(Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 20)), random, toldMs);
}

/** Wait before it is asked again, where it could not be: as long as it has been unknown, for asking is no attempt that could be counted. */
export function askDelay(unknownForMs: number, random: Random, toldMs = 0): number {
  const { firstMs, mostMs } = askingAgain;
  return jittered(Math.min(mostMs, Math.max(firstMs, unknownForMs)), random, toldMs);
}

/** Wait before the next poll of a transaction that was accepted `ageMs` ago. */
export function pollDelay(kind: TransactionKind, ageMs: number, random: Random, retryAfterMs = 0): number {
  const { firstMs, growth, soonMs } = pollScheduleOf(kind);
  const soon = Math.min(soonMs, Math.max(firstMs, ageMs * growth));
  const wait = Math.min(POLL_MAX_MS, Math.max(soon, ageMs * POLL_AGE_SHARE));
  return Math.round(Math.max(retryAfterMs, spread(wait, random)));
}

/** Wait before a new attempt at what came to nothing at the upstream `before` times already; undefined where no more are made. */
export function anewDelay(before: number, random: Random): number | undefined {
  const wait = failurePolicies.voided.waitsMs[before];
  return wait === undefined ? undefined : Math.round(spread(wait, random));
}

function jittered(mostMs: number, random: Random, toldMs: number): number {
  return Math.round(toldMs + random() * Math.max(mostMs, toldMs * TOLD_SPREAD));
}

function spread(ms: number, random: Random): number {
  return ms * (0.8 + 0.4 * random());
}
