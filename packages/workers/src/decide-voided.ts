import type { TransactionKind } from '@atesto/shared/domain/transaction';
import type { Voided } from '@atesto/shared/upstreams/upstream';
import type { Decision } from './decision.ts';
import type { Random } from './retry-policy.ts';
import { anewDelay } from './retry-policy.ts';

export interface VoidedFacts {
  kind: TransactionKind;
  /** `createSdkProcess`: its capture may be used once, so there is nothing to send anew. */
  operation: string | undefined;
  /** How often it came to nothing before. */
  before: number;
}

/** What follows when the upstream took something and it came to nothing there: three new attempts, and then another way. */
export function decideVoided({ reason, upstreamStatus }: Voided, facts: VoidedFacts, random: Random): Decision {
  const dueInMs = facts.operation === 'createSdkProcess' ? undefined : anewDelay(facts.before, random);
  if (dueInMs !== undefined) return { event: { type: 'voided', reason }, dueInMs };
  return contingency(facts.kind, upstreamStatus, reason);
}

/** The upstream has no result to give. In by Client's own words that is a process with status 5; by Unico's caller reads the verdict. */
export function contingency(
  kind: TransactionKind,
  upstreamStatus: string,
  reason: Voided['reason'] | 'too-long',
): Decision {
  return {
    event: { type: 'concluded', outcome: { verdict: 'contingency', upstreamStatus, reason } },
    ...(kind === 'idcloud.unico' ? {} : { result: { status: 5 } }),
  };
}
