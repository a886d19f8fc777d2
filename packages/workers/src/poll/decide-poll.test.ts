import type { Read, Standing } from '@atesto/shared/upstreams/upstream';
import { expect, it } from 'vitest';
import { decidePoll } from './decide-poll.ts';

const acceptedAt = new Date(0);
const row = { acceptedAt, upstreamStatus: 'ENROLL_PENDING' };
const NOW = 60_000;
const WAIT = { dueInMs: 15_000 };

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

it.each(rows)('%s', (_what, read, decision) => expect(decidePoll(read, row, NOW, () => 0.5)).toEqual(decision));
