import type { FailureKind, Remedy } from '@atesto/shared/domain/failure-policy';
import { failurePolicies } from '@atesto/shared/domain/failure-policy';
import type { Decision } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { retryDelay } from '../retry-policy.ts';

/** A failure that the next event of the transaction follows from. The others are mended within the attempt, or depend on how often they happened. */
export type SendFailure = Exclude<FailureKind, 'credential-expired' | 'voided'>;

export interface FailedSend {
  /** A short code from a closed set. */
  reason: string;
  attempt: number;
  /** The upstream's `Retry-After`, in milliseconds. */
  toldMs?: number | undefined;
}

/** What its policy says follows a failed send. */
export function afterFailure(
  failure: SendFailure,
  { reason, attempt, toldMs }: FailedSend,
  { settleMs, random }: { settleMs: number; random: Random },
): Decision {
  const policy: Extract<Remedy, { remedy: 'final' | 'retry' | 'ask' }> = failurePolicies[failure];
  switch (policy.remedy) {
    case 'final':
      return { event: { type: 'refused', reason } };
    case 'retry':
      return { event: { type: 'failed', reason }, dueInMs: retryDelay(policy.backoff, attempt, random, toldMs) };
    case 'ask':
      return { event: { type: 'lost', reason }, dueInMs: settleMs * policy.restFactor };
    default:
      return policy satisfies never;
  }
}
