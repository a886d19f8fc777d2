import type { TransactionData } from '@atesto/shared/contracts/spid-server';
import { readSpidStanding } from '@atesto/shared/upstreams/spid-server';
import type { Read } from '@atesto/shared/upstreams/upstream';
import { expect, it } from 'vitest';
import { decideReconcile } from './decide-reconcile.ts';

const ours = { userId: '52998224725', operatorId: '12345678909', timestamp: 1_700_000_000_000 };
const theirs = (overrides: Partial<TransactionData> = {}): TransactionData => ({
  id: 'tguid',
  type: 'ENROLL',
  status: 'ENROLL_PENDING',
  ...ours,
  ...overrides,
});
const seen = (...value: TransactionData[]): Read<TransactionData[]> => ({ kind: 'ok', value });

const rows: [string, Read<TransactionData[]>, ReturnType<typeof decideReconcile>][] = [
  [
    'ours, still running: it is polled from here',
    seen(theirs()),
    { event: { type: 'found', upstreamId: 'tguid', upstreamStatus: 'ENROLL_PENDING' }, dueInMs: 1_000 },
  ],
  [
    'ours, done',
    seen(theirs({ status: 'ENROLL_OK' })),
    {
      event: { type: 'concluded', upstreamId: 'tguid', outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } },
    },
  ],
  [
    'ours, with a word that ends another kind: it ends nothing here, as in a poll',
    seen(theirs({ status: 'SEARCH_MATCH' })),
    { event: { type: 'found', upstreamId: 'tguid', upstreamStatus: 'SEARCH_MATCH' }, dueInMs: 1_000 },
  ],
  ['nothing of that person', { kind: 'not-found' }, { event: { type: 'absent' }, dueInMs: 0 }],
  ['an empty list', seen(), { event: { type: 'absent' }, dueInMs: 0 }],
  ['something older', seen(theirs({ timestamp: ours.timestamp - 1 })), { event: { type: 'absent' }, dueInMs: 0 }],
  [
    'something newer hides whether ours arrived',
    seen(theirs({ timestamp: ours.timestamp + 1 })),
    { event: { type: 'abandoned', reason: 'reconcile-inconclusive' } },
  ],
  [
    "another operator's at the same moment proves nothing",
    seen(theirs({ operatorId: '11144477735' })),
    { event: { type: 'abandoned', reason: 'reconcile-inconclusive' } },
  ],
  [
    'ours among newer ones, where the server shows a list',
    seen(theirs({ timestamp: ours.timestamp + 1, id: 'newer' }), theirs()),
    { event: { type: 'found', upstreamId: 'tguid', upstreamStatus: 'ENROLL_PENDING' }, dueInMs: 1_000 },
  ],
  ['an upstream that is away is asked again', { kind: 'unavailable', reason: 'connect-refused' }, { dueInMs: 5_000 }],
];

it.each(rows)('%s', (_what, read, decision) =>
  expect(
    decideReconcile(
      read,
      (word) => readSpidStanding('spid.enroll', word),
      ours,
      10_000,
      () => 0.5,
    ),
  ).toEqual(decision),
);
