import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { Read, Standing } from '@atesto/shared/upstreams/upstream';
import type { Decision, KeepWaiting } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { pollDelay } from '../retry-policy.ts';

/** What a poll's answer means. Silence, refusals and unknown words never end a transaction: only a word known to be final does. */
export function decidePoll(
  read: Read<Standing>,
  row: Pick<TransactionRow, 'acceptedAt' | 'upstreamStatus'>,
  nowMs: number,
  random: Random,
): Decision | KeepWaiting {
  const age = nowMs - row.acceptedAt.getTime();
  if (read.kind !== 'ok') {
    const retryAfterMs = 'retryAfterMs' in read ? read.retryAfterMs : 0;
    return { dueInMs: pollDelay(age, random, retryAfterMs) };
  }
  const standing = read.value;
  if (standing.final) {
    return {
      event: { type: 'concluded', outcome: standing.outcome },
      ...(standing.answer ? { result: standing.answer } : {}),
    };
  }
  const dueInMs = pollDelay(age, random);
  if (standing.upstreamStatus === row.upstreamStatus) return { dueInMs };
  return { event: { type: 'progressed', upstreamStatus: standing.upstreamStatus }, dueInMs };
}
