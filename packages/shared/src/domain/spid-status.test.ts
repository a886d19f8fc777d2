import { expect, it } from 'vitest';
import { readSpidStatus } from './spid-status.ts';

it.each([
  ['SEARCH_MATCH', { final: true, verdict: 'match' }],
  ['SEARCH_NOT_MATCH', { final: true, verdict: 'no-match' }],
  ['SEARCH_FAILED', { final: true, verdict: 'failed' }],
  ['ENROLL_REJECTED', { final: true, verdict: 'rejected' }],
  ['ENROLL_PENDING', { final: false, recognised: true }],
  ['SEARCH_ENQUEUED', { final: false, recognised: true }],
  ['ENROLL_EXCEPTION', { final: false, recognised: true, exception: true }],
  ['DELETE_PENDING', { final: false, recognised: true }],
  ['DELETE_OK', { final: true, verdict: 'completed' }],
  ['DELETE_NOT_OK', { final: true, verdict: 'failed' }],
  ['SEARCH_MATCHED', { final: false, recognised: false }],
  ['search_match', { final: false, recognised: false }],
  ['VERIFIED', { final: false, recognised: false }],
  ['OK', { final: false, recognised: false }],
  ['', { final: false, recognised: false }],
  ['toString', { final: false, recognised: false }],
  ['__proto__', { final: false, recognised: false }],
])('reads %s', (word, reading) => expect(readSpidStatus(word)).toEqual(reading));

it('reads a word as a profile has it', () => {
  const words = { ENROLL_AT_AC: 'exception', ENROLL_EXCEPTION: 'failed', ENROLL_OK: 'pending' } as const;
  expect(readSpidStatus('ENROLL_AT_AC', words)).toEqual({ final: false, recognised: true, exception: true });
  expect(readSpidStatus('ENROLL_EXCEPTION', words)).toEqual({ final: true, verdict: 'failed' });
  expect(readSpidStatus('ENROLL_OK', words)).toEqual({ final: false, recognised: true });
  expect(readSpidStatus('SEARCH_MATCH', words)).toEqual({ final: false, recognised: false });
});
