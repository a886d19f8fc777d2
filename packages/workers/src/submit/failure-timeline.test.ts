import type { TransactionKind } from '@atesto/shared/domain/transaction';
import { initialSnapshot, transition } from '@atesto/shared/domain/transaction';
import type { SubmitResult, Voided } from '@atesto/shared/upstreams/upstream';
import { expect, it } from 'vitest';
import { decideDue } from '../sweep/sweep.ts';
import { decideSubmit } from './decide-submit.ts';

const SECOND = 1_000;
const DAY = 24 * 60 * 60 * SECOND;
type Failure = Exclude<SubmitResult, Voided>;

const down: Failure = { kind: 'unavailable', reason: 'connect-refused' };
const busy: Failure = { kind: 'throttled', retryAfterMs: 10 * SECOND };
const lost: Failure = { kind: 'unknown', reason: 'answer-lost' };
const late: Failure = { kind: 'unknown', reason: 'timeout' };
const refused: Failure = { kind: 'refused', reason: 'bad-request' };
const taken: Failure = { kind: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' };

/** The life of a transaction by a clock of its own: each send fails as the list says, the last one again and again. */
function live(kind: TransactionKind, failures: readonly Failure[], chance: number) {
  let snapshot = initialSnapshot;
  const sentAt: number[] = [];
  for (let now = 0; ; ) {
    // What is due is taken up by the sweep, which looks whether it is too old for it.
    const due = decideDue({ kind, state: snapshot.state, ageMs: now });
    if (due === 'abandoned')
      return { sentAt, endedAt: now, state: transition(snapshot, { type: 'abandoned', reason: 'too-old' })?.state };
    const claimed = transition(snapshot, { type: 'claimed' });
    if (!claimed) return { sentAt, endedAt: now, state: snapshot.state };
    sentAt.push(now);
    const failure = failures[Math.min(sentAt.length, failures.length) - 1] as Failure;
    const policy = { kind, settleMs: 5 * SECOND, random: () => chance };
    const { event, dueInMs = 0 } = decideSubmit(failure, claimed.attempt, policy);
    snapshot = transition(claimed, event) ?? snapshot;
    now += dueInMs;
  }
}

it.each<[string, Failure[], sentAt: number[], endedAt: number, state: string]>([
  ['refused: once, and never again', [refused], [0], 0, 'dead'],
  ['away, then taken', [down, down, down, taken], [0, 1, 3, 7], 8, 'awaiting'],
  ['told to come in ten seconds, then in less', [busy, busy, taken], [0, 11, 22], 23, 'awaiting'],
  [
    'away, then throttled, then away: by the attempts so far',
    [down, busy, down, taken],
    [0, 1, 12, 16],
    17,
    'awaiting',
  ],
  ['lost: not sent again, but asked after it rested', [lost], [0], 5, 'unknown'],
  ['too slow: asked after twelve times as long', [late], [0], 60, 'unknown'],
  ['away, then lost', [down, lost], [0, 1], 6, 'unknown'],
])('%s', (_what, failures, sentAt, endedAt, state) => {
  const life = live('spid.enroll', failures, 0.5);
  expect({ ...life, sentAt: life.sentAt.map((at) => at / SECOND), endedAt: life.endedAt / SECOND }).toEqual({
    sentAt,
    endedAt,
    state,
  });
});

it.each<[TransactionKind, days: number]>([
  ['spid.enroll', 30],
  ['spid.command', 30],
  ['idcloud.process', 3],
  ['idcloud.document', 3],
  ['idcloud.unico', 30],
])('a %s whose platform never comes back is dead after %i days, at most a wait later', (kind, days) => {
  for (const failure of [down, busy]) {
    const { sentAt, endedAt, state } = live(kind, [failure], 0.9);
    expect(state).toBe('dead');
    expect(endedAt).toBeGreaterThan(days * DAY);
    expect(endedAt).toBeLessThan(days * DAY + 16 * 60 * SECOND);
    expect(Math.max(...sentAt)).toBeLessThanOrEqual(days * DAY);
    // Once a quarter of an hour when it has been away for long.
    if (failure === down) expect(sentAt.length).toBeLessThan(days * 24 * 5);
  }
});
