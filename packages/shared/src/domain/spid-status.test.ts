import { expect, it } from 'vitest';
import { readSpidStatus } from './spid-status.ts';

it.each([
  ['SEARCH_MATCH', { final: true, verdict: 'match' }],
  ['SEARCH_NOT_MATCH', { final: true, verdict: 'no-match' }],
  ['SEARCH_FAILED', { final: true, verdict: 'failed' }],
  ['ENROLL_REJECTED', { final: true, verdict: 'rejected' }],
  ['ENROLL_PENDING', { final: false, recognised: true }],
  ['SEARCH_ENQUEUED', { final: false, recognised: true }],
  ['SEARCH_MATCHED', { final: false, recognised: false }],
  ['search_match', { final: false, recognised: false }],
  ['VERIFIED', { final: false, recognised: false }],
  ['OK', { final: false, recognised: false }],
  ['', { final: false, recognised: false }],
  ['toString', { final: false, recognised: false }],
  ['__proto__', { final: false, recognised: false }],
])('reads %s', (word, reading) => expect(readSpidStatus(word)).toEqual(reading));
