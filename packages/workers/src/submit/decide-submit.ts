import type { TransactionKind } from '@atesto/shared/domain/transaction';
import type { SubmitResult, UpstreamReason, Voided } from '@atesto/shared/upstreams/upstream';
import type { Decision } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { pollDelay } from '../retry-policy.ts';
import type { SendFailure } from './after-failure.ts';
import { afterFailure } from './after-failure.ts';

export interface SubmitPolicy {
  kind: TransactionKind;
  /** How long a lost answer rests before the upstream is asked: it may still be working on what it received. */
  settleMs: number;
  random: Random;
}

/** What a send's result means for its transaction. */
export function decideSubmit(result: Exclude<SubmitResult, Voided>, attempt: number, policy: SubmitPolicy): Decision {
  const after = (failure: SendFailure, reason: string, toldMs?: number) =>
    afterFailure(failure, { reason, attempt, toldMs }, policy);
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
      return { ...after('refused', result.reason), ...refusalResult(result.upstreamCode) };
    case 'unavailable':
      return after('unavailable', result.reason, result.retryAfterMs);
    case 'throttled':
      return after('throttled', 'throttled', result.retryAfterMs);
    case 'unknown':
      return after(lostBy(result.reason), result.reason);
    default:
      return result satisfies never;
  }
}

function lostBy(reason: UpstreamReason): SendFailure {
  return reason === 'timeout' || reason === 'aborted' || reason === 'gateway-timeout' ? 'answer-late' : 'answer-lost';
}

// A compatible face repeats the upstream's own code for a refusal.
function refusalResult(code: string | undefined): Pick<Decision, 'result'> {
  return code === undefined ? {} : { result: { upstreamCode: code } };
}
