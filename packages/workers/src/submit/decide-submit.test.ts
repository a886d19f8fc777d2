import { transition } from '@atesto/shared/domain/transaction';
import type { SubmitResult, Voided } from '@atesto/shared/upstreams/upstream';
import { expect, it } from 'vitest';
import { decideSubmit } from './decide-submit.ts';

const policy = { kind: 'spid.enroll', settleMs: 10_000, random: () => 0.5 } as const;
const outcome = { verdict: 'match', upstreamStatus: 'SEARCH_MATCH' } as const;

const kept = { status: 200, contentType: 'application/json', body: '{}' };

const rows: [string, Exclude<SubmitResult, Voided>, ReturnType<typeof decideSubmit>][] = [
  [
    'an answer concludes',
    { kind: 'answered', outcome, upstreamId: 'u' },
    { event: { type: 'concluded', outcome, upstreamId: 'u' } },
  ],
  [
    'a face gets the answer repeated',
    { kind: 'answered', outcome, answer: { status: 3 } },
    { event: { type: 'concluded', outcome }, result: { status: 3 } },
  ],
  [
    'an answer that its caller is owed whole is kept',
    { kind: 'answered', outcome, kept },
    { event: { type: 'concluded', outcome }, kept },
  ],
  [
    'what is taken is kept too',
    { kind: 'taken', upstreamId: 'u', upstreamStatus: 'SEARCH_PENDING', kept },
    { event: { type: 'taken', upstreamId: 'u', upstreamStatus: 'SEARCH_PENDING' }, dueInMs: 1_000, kept },
  ],
  [
    'taken is polled soon',
    { kind: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' },
    { event: { type: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' }, dueInMs: 1_000 },
  ],
  [
    'refused is not tried again',
    { kind: 'refused', reason: 'bad-request' },
    { event: { type: 'refused', reason: 'bad-request' } },
  ],
  [
    'refused with a code that a face repeats',
    { kind: 'refused', reason: 'bad-request', upstreamCode: '20507' },
    { event: { type: 'refused', reason: 'bad-request' }, result: { upstreamCode: '20507' } },
  ],
  [
    'unavailable is tried again',
    { kind: 'unavailable', reason: 'connect-refused' },
    { event: { type: 'failed', reason: 'connect-refused' }, dueInMs: 1_000 },
  ],
  [
    'never sooner than the upstream says',
    { kind: 'throttled', retryAfterMs: 60_000 },
    { event: { type: 'failed', reason: 'throttled' }, dueInMs: 66_000 },
  ],
  [
    'a lost answer rests before it is asked for',
    { kind: 'unknown', reason: 'answer-lost' },
    { event: { type: 'lost', reason: 'answer-lost' }, dueInMs: 10_000 },
  ],
  [
    'a server that was too slow rests longer: it may still be at work',
    { kind: 'unknown', reason: 'timeout' },
    { event: { type: 'lost', reason: 'timeout' }, dueInMs: 120_000 },
  ],
];

it.each(rows)('%s', (_what, result, decision) => {
  expect(decideSubmit(result, 1, policy)).toEqual(decision);
  expect(transition({ state: 'submitting', attempt: 1 }, decision.event)).toBeDefined();
});
