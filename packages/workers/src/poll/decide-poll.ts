import { isPastUse } from '@atesto/shared/domain/failure-policy';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { Read, Standing } from '@atesto/shared/upstreams/upstream';
import { contingency } from '../decide-voided.ts';
import type { Decision, KeepWaiting } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { pollDelay } from '../retry-policy.ts';

/** What a poll's answer means. Silence, refusals and unknown words never end a transaction: only a word known to be final does, or that its kind is of no use any more. */
export function decidePoll(
  read: Read<Standing>,
  row: Pick<TransactionRow, 'kind' | 'upstreamStatus'>,
  ageMs: number,
  random: Random,
): Decision | KeepWaiting {
  const isFinal = read.kind === 'ok' && read.value.final;
  if (!isFinal && isPastUse(row.kind, ageMs)) {
    return contingency(row.kind, row.upstreamStatus ?? 'none', 'too-long');
  }
  if (read.kind !== 'ok') {
    const retryAfterMs = 'retryAfterMs' in read ? read.retryAfterMs : 0;
    return { dueInMs: pollDelay(row.kind, ageMs, random, retryAfterMs) };
  }
  const standing = read.value;
  if (standing.final) {
    return {
      event: { type: 'concluded', outcome: standing.outcome },
      ...factsOf(standing),
    };
  }
  const dueInMs = pollDelay(row.kind, ageMs, random);
  if (standing.upstreamStatus === row.upstreamStatus) return { dueInMs };
  return { event: { type: 'progressed', upstreamStatus: standing.upstreamStatus }, dueInMs, ...factsOf(standing) };
}

function factsOf({ answer, kept }: Standing): Pick<Decision, 'result' | 'kept'> {
  return { ...(answer && { result: answer }), ...(kept && { kept }) };
}
