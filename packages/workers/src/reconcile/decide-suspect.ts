import type { Decision } from '../decision.ts';
import type { Random } from '../retry-policy.ts';

/** After so many lost workers a transaction is suspected of being what ends them: a person has to look. */
export const WORKERS_LOST_MAX = 5;
/**
 * Within what time after each loss it is sent again. What is under way in a worker is lost together: drawn apart, one that ends every worker soon
 * ends it alone, and those beside it go through.
 */
const APART_WITHIN_MS = [0, 10_000, 60_000, 300_000];

/** What becomes of a transaction that was lost and is not at the upstream: it is sent again, unless workers were lost at it again and again. */
export function decideSuspect(lostWorkers: number, random: Random): Decision {
  if (lostWorkers >= WORKERS_LOST_MAX) return { event: { type: 'abandoned', reason: 'worker-lost-often' } };
  const within = APART_WITHIN_MS[lostWorkers - 1] ?? 0;
  return { event: { type: 'absent' }, dueInMs: Math.round(within * random()) };
}
