import type { TransactionKind } from '@atesto/shared/domain/transaction';
import type { SubmitResult, UpstreamReason, Voided } from '@atesto/shared/upstreams/upstream';
import type { Decision } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { pollDelay, retryDelay } from '../retry-policy.ts';

/** How many times longer than a lost connection a time-out rests. */
const SLOW_SERVER_FACTOR = 12;

export interface SubmitPolicy {
  kind: TransactionKind;
  /** How long a lost answer rests before the upstream is asked: it may still be working on what it received. */
  settleMs: number;
  random: Random;
}

/** What a send's result means for its transaction. */
export function decideSubmit(result: Exclude<SubmitResult, Voided>, attempt: number, policy: SubmitPolicy): Decision {
  switch (result.kind) {
    case 'answered':
      return {
        event: {
          type: 'concluded',
          outcome: result.outcome,
          ...(result.upstreamId === undefined ? {} : { upstreamId: result.upstreamId }),
        },
        ...(result.answer ? { result: result.answer } : {}),
        ...(result.kept ? { kept: result.kept } : {}),
      };
    case 'taken':
      return {
        event: { type: 'taken', upstreamId: result.upstreamId, upstreamStatus: result.upstreamStatus },
        dueInMs: pollDelay(policy.kind, 0, policy.random),
        ...(result.answer ? { result: result.answer } : {}),
        ...(result.kept ? { kept: result.kept } : {}),
      };
    case 'refused':
      return { event: { type: 'refused', reason: result.reason }, ...refusalResult(result.upstreamCode) };
    case 'unavailable':
      return {
        event: { type: 'failed', reason: result.reason },
        dueInMs: retryDelay(attempt, policy.random, result.retryAfterMs),
      };
    case 'throttled':
      return {
        event: { type: 'failed', reason: 'throttled' },
        dueInMs: retryDelay(attempt, policy.random, result.retryAfterMs, 'throttled'),
      };
    case 'unknown':
      return { event: { type: 'lost', reason: result.reason }, dueInMs: policy.settleMs * patience(result.reason) };
    default:
      return result satisfies never;
  }
}

// A server that did not answer in time may still be at work on what it received, and would only then show it.
function patience(reason: UpstreamReason): number {
  return reason === 'timeout' || reason === 'aborted' || reason === 'gateway-timeout' ? SLOW_SERVER_FACTOR : 1;
}

// A compatible face repeats the upstream's own code for a refusal.
function refusalResult(code: string | undefined): Pick<Decision, 'result'> {
  return code === undefined ? {} : { result: { upstreamCode: code } };
}
