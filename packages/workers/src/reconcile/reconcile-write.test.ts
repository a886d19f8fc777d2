import type { TransactionData } from '@atesto/shared/contracts/spid-server';
import type { Read } from '@atesto/shared/upstreams/upstream';
import { describe, expect, it } from 'vitest';
import {
  decideWrite,
  deletedOperator,
  deletedPerson,
  type Evidence,
  enrolledOperator,
  finishedCapture,
  insertedOperator,
  redirected,
} from './reconcile-write.ts';

const document = '12345678909';
const known = (status: string) => ({ found: true, payload: { document, status } });
/** A 200 without a body: there is one, and no more is known. */
const found = { found: true };
const nobody = { found: false };
const done = (word: string): Evidence => ({ kind: 'done', word });
const absent: Evidence = { kind: 'absent' };

describe('what the register of operators says', () => {
  it.each([
    [nobody, absent, absent, done('not-found')],
    [found, done('found'), absent, absent],
    [known('PENDING'), done('PENDING'), absent, absent],
    [known('ENQUEUED'), done('ENQUEUED'), done('ENQUEUED'), absent],
    [known('VERIFIED'), done('VERIFIED'), done('VERIFIED'), absent],
    [known('DELETED'), absent, absent, done('DELETED')],
    [known('SOMEHOW'), done('SOMEHOW'), done('SOMEHOW'), absent],
  ])('%j', (register, inserted, enrolled, deleted) => {
    expect(insertedOperator(register)).toEqual(inserted);
    expect(enrolledOperator(register)).toEqual(enrolled);
    expect(deletedOperator(register)).toEqual(deleted);
  });
});

const ours = { upstreamId: 'e-1', operatorId: document, timestamp: 1_700_000_000_000 };
const transaction = (overrides: Partial<TransactionData> = {}): TransactionData => ({
  id: 'e-1',
  userId: '52998224725',
  operatorId: document,
  type: 'ENROLL',
  status: 'ENROLL_REJECTED',
  timestamp: ours.timestamp,
  ...overrides,
});
const search = transaction({ id: 's-1', type: 'SEARCH', status: 'SEARCH_PENDING' });
const deletion = transaction({ id: 'd-1', type: 'DELETE', status: 'DELETE_PENDING', timestamp: ours.timestamp + 1 });
const running = (id: string, word: string): Evidence => ({ kind: 'running', id, word });

describe('what a person’s transactions say', () => {
  it.each([
    ['nothing', [], absent],
    ['another transaction', [transaction()], absent],
    ['a deletion', [deletion], running('d-1', 'DELETE_PENDING')],
    ['a deletion after the enrolment', [transaction(), deletion], running('d-1', 'DELETE_PENDING')],
    ['an enrolment after the deletion', [deletion, transaction({ timestamp: deletion.timestamp + 1 })], absent],
  ])('of a deletion: %s', (_what, seen, evidence) => expect(deletedPerson(seen)).toEqual(evidence));

  it.each([
    ['the search of that collection', [search], ours, running('s-1', 'SEARCH_PENDING')],
    ['the search, and what came later', [search, deletion], ours, running('s-1', 'SEARCH_PENDING')],
    ['the enrolment alone', [transaction()], ours, absent],
    [
      'another operator’s search',
      [transaction({ ...search, operatorId: '11144477735' })],
      ours,
      { kind: 'inconclusive' },
    ],
    ['an earlier search', [transaction({ ...search, timestamp: 1 })], ours, { kind: 'inconclusive' }],
    ['another enrolment', [transaction({ id: 'e-2', timestamp: ours.timestamp + 1 })], ours, { kind: 'inconclusive' }],
    ['nothing', [], ours, { kind: 'inconclusive' }],
    ['of an enrolment that is not ours', [search], undefined, { kind: 'inconclusive' }],
  ])('of a redirection: %s', (_what, seen, enrolment, evidence) =>
    expect(redirected(seen, enrolment)).toEqual(evidence),
  );
});

it.each([
  ['the word is the one of before', 'SEARCH_PENDING', -1, absent],
  ['the word has moved', 'SEARCH_MATCH', -1, done('SEARCH_MATCH')],
  ['a poll has seen it move', 'SEARCH_PENDING', 1, done('SEARCH_PENDING')],
])('a remote capture was finished where its word moved: %s', (_what, word, movedAfter, evidence) => {
  const askedAt = new Date(1_000);
  const capture = { upstreamStatus: 'SEARCH_PENDING', updatedAt: new Date(1_000 + movedAfter) };
  expect(finishedCapture(word, capture, askedAt)).toEqual(evidence);
});

describe('what evidence means', () => {
  const ok = (value: Evidence): Read<Evidence> => ({ kind: 'ok', value });
  const concluded = (upstreamStatus: string) => ({
    event: { type: 'concluded', outcome: { verdict: 'completed', upstreamStatus } },
  });
  const abandoned = { event: { type: 'abandoned', reason: 'reconcile-inconclusive' } };
  const again = { event: { type: 'absent' }, dueInMs: 0 };
  const taken = { event: { type: 'found', upstreamId: 'u-1', upstreamStatus: 'W' }, dueInMs: 1_000 };
  it.each<[Read<Evidence>, command: object, other: object]>([
    [ok(done('VERIFIED')), concluded('VERIFIED'), concluded('VERIFIED')],
    [ok(running('u-1', 'W')), concluded('W'), taken],
    [ok(absent), again, again],
    [ok({ kind: 'inconclusive' }), abandoned, abandoned],
    [{ kind: 'unavailable', reason: 'connect-refused' }, { dueInMs: 8_000 }, { dueInMs: 8_000 }],
    [{ kind: 'not-found' }, { dueInMs: 8_000 }, { dueInMs: 8_000 }],
    [{ kind: 'refused', reason: 'bad-request' }, { dueInMs: 8_000 }, { dueInMs: 8_000 }],
    [{ kind: 'throttled', retryAfterMs: 20_000 }, { dueInMs: 28_000 }, { dueInMs: 28_000 }],
  ])('%j', (evidence, command, other) => {
    expect(decideWrite(evidence, true, 16_000, () => 0.5)).toEqual(command);
    expect(decideWrite(evidence, false, 16_000, () => 0.5)).toEqual(other);
  });
});
