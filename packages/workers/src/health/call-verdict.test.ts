import { upstreamReasons } from '@atesto/shared/upstreams/upstream';
import { expect, it } from 'vitest';
import { isOverload, verdictOf } from './call-verdict.ts';

it.each([
  ['answered', 'there'],
  ['taken', 'there'],
  ['ok', 'there'],
  ['not-found', 'there'],
  ['voided', 'there'],
  ['throttled', 'throttled'],
])('%s: %s', (kind, verdict) => expect(verdictOf({ kind })).toBe(verdict));

it('takes a refusal for a sign of life, whatever it refuses', () => {
  for (const reason of upstreamReasons) expect(verdictOf({ kind: 'refused', reason })).toBe('there');
});

it.each([
  [{ kind: 'throttled' }, true],
  [{ kind: 'unavailable', reason: 'service-unavailable' }, true],
  [{ kind: 'unknown', reason: 'timeout' }, true],
  [{ kind: 'unknown', reason: 'server-error' }, false],
  [{ kind: 'unavailable', reason: 'connect-refused' }, false],
  [{ kind: 'taken' }, false],
] as const)('%j is a sign of too much to do: %s', (result, is) => expect(isOverload(result)).toBe(is));

it('takes for away what fails by itself, and not what a person has to mend', () => {
  const away = upstreamReasons.filter((reason) => verdictOf({ kind: 'unavailable', reason }) === 'away');
  expect(away).toEqual(
    expect.arrayContaining([
      'connect-refused',
      'timeout',
      'aborted',
      'server-error',
      'bad-gateway',
      'service-unavailable',
    ]),
  );
  expect(away).toEqual(
    expect.arrayContaining(['gateway-timeout', 'connection-lost', 'answer-lost', 'token-unavailable']),
  );
  for (const reason of ['unauthorized', 'forbidden', 'token-refused', 'token-locked', 'body-failed'] as const) {
    expect(away).not.toContain(reason);
    expect(verdictOf({ kind: 'unknown', reason })).toBe('nothing');
  }
});
