import type { Backoff, FailureKind, Remedy } from '@atesto/shared/domain/failure-policy';
import { askingAgain, deadlineDays, failurePolicies } from '@atesto/shared/domain/failure-policy';
import { type TransactionKind, transactionKinds } from '@atesto/shared/domain/transaction';
import { pollScheduleOf } from '@atesto/workers/retry-policy';

/** The tables of `docs/reliability.md`: what is done about each kind of failure, and when it is asked how a transaction stands. */

const means: Record<FailureKind, string> = {
  refused: 'most 4xx: it will never be taken as it is',
  'body-unreadable': 'the sealed body is missing, damaged, or under a key that is gone',
  throttled: '429',
  unavailable: 'no connection, 503, no token, 401 or 403: certainly not taken',
  'not-configured': 'its account or key is not in the settings any more',
  'vault-away': 'the disk of the vault failed before anything was sent',
  'answer-lost': 'the line broke after the body began to flow; 500, 502, 409; an answer that cannot be read',
  'answer-late': 'no answer in time, 408, 504',
  'worker-lost': 'the worker that was sending was silent for its whole lease',
  'credential-expired': 'IDCloud would not have the token',
  voided: 'IDCloud ended it with status 4 or 5',
};

function duration(ms: number): string {
  if (ms < 60_000) return `${ms / 1_000} s`;
  return ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
}
const upTo = ({ firstMs, mostMs }: Backoff) => `up to ${duration(firstMs)}, doubling to ${duration(mostMs)}`;

function what(policy: Remedy): [done: string, wait: string] {
  switch (policy.remedy) {
    case 'final':
      return ['`dead`: a person has to look', ''];
    case 'retry':
      return ['sent again', upTo(policy.backoff)];
    case 'ask': {
      const rest = policy.restFactor === 1 ? '`SETTLE_MS`' : `${policy.restFactor} × \`SETTLE_MS\``;
      return ['asked for, not sent', `${rest}; where nobody answers, ${upTo(askingAgain)}`];
    }
    case 'renew':
      return ['a new token, the same attempt', policy.times === 1 ? 'none, once' : `none, ${policy.times} times`];
    case 'anew': {
      const waits = policy.waitsMs.map(duration).join(', ');
      return ['sent anew, then `contingency`', `${waits}, each ±20 %`];
    }
    default:
      return policy satisfies never;
  }
}

export const failureHead = ['failure', 'when', 'what is done', 'wait before it'];
export const failureRows = Object.entries(failurePolicies).map(([kind, policy]) => [
  `\`${kind}\``,
  means[kind as FailureKind],
  ...what(policy),
]);

const deadlineEnds = (kind: TransactionKind) =>
  deadlineDays(kind) < 30 ? '`dead`; held by IDCloud: `contingency`' : '`dead`';

export const scheduleHead = ['kind', 'first poll', 'then', 'given up after', 'and is then'];
export const scheduleRows = transactionKinds.map((kind) => {
  const { firstMs, growth, soonMs } = pollScheduleOf(kind);
  const soon = growth === 1 ? 'its age' : `${growth} of its age`;
  const steps = soonMs > 3_600_000 ? '' : `${soon}, at most ${duration(soonMs)}; later `;
  return [
    `\`${kind}\``,
    duration(firstMs),
    `${steps}a fifth of its age, at most a day`,
    `${deadlineDays(kind)} days`,
    deadlineEnds(kind),
  ];
});
