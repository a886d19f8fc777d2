import type { TransactionData } from '@atesto/shared/contracts/spid-server';
import type { Read, Standing } from '@atesto/shared/upstreams/upstream';
import type { Decision, KeepWaiting } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { askDelay, pollDelay } from '../retry-policy.ts';

/** What makes a transaction ours at the upstream: the three values that were in the body. */
export interface Fingerprint {
  userId: string;
  operatorId: string;
  /** Epoch milliseconds. */
  timestamp: number;
}

/**
 * Whether a send whose answer was lost took effect. SPID Server shows a person's latest transaction: ours is there, or what is there is older than
 * ours and so ours never arrived. Something newer proves neither, and then a person decides. `standingOf` reads the server's word; where there was no answer, `unknownForMs` says when it is asked again.
 */
export function decideReconcile(
  read: Read<readonly TransactionData[]>,
  standingOf: (upstreamStatus: string) => Standing,
  ours: Fingerprint,
  unknownForMs: number,
  random: Random,
): Decision | KeepWaiting {
  if (read.kind !== 'ok' && read.kind !== 'not-found') {
    return { dueInMs: askDelay(unknownForMs, random, 'retryAfterMs' in read ? read.retryAfterMs : 0) };
  }
  const seen = read.kind === 'ok' ? read.value : [];
  const match = seen.find(
    (t) => t.userId === ours.userId && t.operatorId === ours.operatorId && t.timestamp === ours.timestamp,
  );
  if (match) {
    const standing = standingOf(match.status);
    return standing.final
      ? { event: { type: 'concluded', upstreamId: match.id, outcome: standing.outcome } }
      : {
          event: { type: 'found', upstreamId: match.id, upstreamStatus: match.status },
          dueInMs: pollDelay('spid.enroll', 0, random),
        };
  }
  if (seen.some((t) => t.timestamp >= ours.timestamp)) {
    return { event: { type: 'abandoned', reason: 'reconcile-inconclusive' } };
  }
  return { event: { type: 'absent' }, dueInMs: 0 };
}
