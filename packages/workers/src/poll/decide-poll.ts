import type { TransactionKind } from '@atesto/shared/domain/transaction';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { Read, Standing } from '@atesto/shared/upstreams/upstream';
import { contingency } from '../decide-voided.ts';
import type { Decision, KeepWaiting } from '../decision.ts';
import type { Random } from '../retry-policy.ts';
import { pollDelay } from '../retry-policy.ts';

/** After this a face's process is of no use to anybody any more: whoever waited goes another way. A hosted journey has its own end, days later. */
const DEADLINES_MS: Partial<Record<TransactionKind, number>> = {
  'idcloud.process': 72 * 3_600_000,
  'idcloud.document': 72 * 3_600_000,
};

/** What a poll's answer means. Silence, refusals and unknown words never end a transaction: only a word known to be final does, or its kind's deadline. */
export function decidePoll(
  read: Read<Standing>,
  row: Pick<TransactionRow, 'kind' | 'upstreamStatus'>,
  ageMs: number,
  random: Random,
): Decision | KeepWaiting {
  const isFinal = read.kind === 'ok' && read.value.final;
  if (!isFinal && ageMs > (DEADLINES_MS[row.kind] ?? Number.POSITIVE_INFINITY)) {
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
