import type { TransactionKind } from '@atesto/shared/domain/transaction';
import type { Read, Standing } from '@atesto/shared/upstreams/upstream';
import { expect, it } from 'vitest';
import { decidePoll } from './decide-poll.ts';

const row = { kind: 'spid.enroll' as const, upstreamStatus: 'ENROLL_PENDING' };
const AGE = 60_000;
const WAIT = { dueInMs: 12_000 };

const rows: [string, Read<Standing>, ReturnType<typeof decidePoll>][] = [
  [
    'a final word concludes',
    { kind: 'ok', value: { final: true, outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } } },
    { event: { type: 'concluded', outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } } },
  ],
  [
    'the same word keeps waiting',
    { kind: 'ok', value: { final: false, upstreamStatus: 'ENROLL_PENDING', recognised: true } },
    WAIT,
  ],
  [
    'another word is written down',
    { kind: 'ok', value: { final: false, upstreamStatus: 'ENROLL_EXCEPTION', recognised: true } },
    { event: { type: 'progressed', upstreamStatus: 'ENROLL_EXCEPTION' }, ...WAIT },
  ],
  [
    'an unknown word is written down and never taken for an end',
    { kind: 'ok', value: { final: false, upstreamStatus: 'ENROLL_GREAT', recognised: false } },
    { event: { type: 'progressed', upstreamStatus: 'ENROLL_GREAT' }, ...WAIT },
  ],
  ['an id that the upstream does not know keeps waiting', { kind: 'not-found' }, WAIT],
  ['a refusal keeps waiting', { kind: 'refused', reason: 'bad-request' }, WAIT],
  ['an upstream that is away keeps waiting', { kind: 'unavailable', reason: 'connect-refused' }, WAIT],
  ['throttled waits as long as it is told', { kind: 'throttled', retryAfterMs: 40_000 }, { dueInMs: 40_000 }],
];

it.each(rows)('%s', (_what, read, decision) => expect(decidePoll(read, row, AGE, () => 0.5)).toEqual(decision));

const HOUR = 3_600_000;
const divergence: Read<Standing> = { kind: 'ok', value: { final: false, upstreamStatus: '2', recognised: true } };
const done: Read<Standing> = {
  kind: 'ok',
  value: { final: true, outcome: { verdict: 'completed', upstreamStatus: '3' }, answer: { status: 3 } },
};
const tooLong = {
  event: { type: 'concluded', outcome: { verdict: 'contingency', upstreamStatus: '2', reason: 'too-long' } },
  result: { status: 5 },
};

it.each<[TransactionKind, hours: number, string, Read<Standing>, object]>([
  ['idcloud.process', 72, 'divergence', divergence, { dueInMs: expect.any(Number) }],
  ['idcloud.process', 73, 'divergence', divergence, tooLong],
  ['idcloud.document', 73, 'silence', { kind: 'not-found' }, tooLong],
  ['idcloud.process', 73, 'a word that is final', done, { event: { type: 'concluded' }, result: { status: 3 } }],
  ['idcloud.unico', 24 * 29, 'divergence', divergence, { dueInMs: expect.any(Number) }],
  ['spid.enroll', 24 * 29, 'silence', { kind: 'not-found' }, { dueInMs: expect.any(Number) }],
])('%s after %i hours of it: %s', (kind, hours, _what, read, expected) => {
  const decision = decidePoll(read, { kind, upstreamStatus: '2' }, hours * HOUR, () => 0.5);
  expect(decision).toMatchObject(expected);
  if (!('event' in expected)) expect(decision.event).toBeUndefined();
});

it('writes down what is known so far beside another word', () => {
  const kept = { status: 200, body: '{}' };
  const value: Standing = { final: false, upstreamStatus: '2', recognised: true, answer: { status: 2 }, kept };
  const decision = decidePoll({ kind: 'ok', value }, { ...row, upstreamStatus: '1' }, AGE, () => 0.5);
  expect(decision).toEqual({
    event: { type: 'progressed', upstreamStatus: '2' },
    ...WAIT,
    result: { status: 2 },
    kept,
  });
});
