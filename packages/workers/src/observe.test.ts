import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { createLog } from '@atesto/shared/telemetry/log';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createWorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import { readSpidStanding } from '@atesto/shared/upstreams/spid-server';
import { expect, it } from 'vitest';
import { createObserver } from './observe.ts';

/** What a SPID profile may say. */
const statuses = {
  ENROLL_PENDING: 'pending',
  ENROLL_AT_AC: 'pending',
  ENROLL_AT_RA: 'exception',
  SEARCH_MATCH: 'match',
} as const;

it.each([
  { word: 'ENROLL_PENDING', counted: 0 },
  { word: 'ENROLL_AT_AC', counted: 0 },
  // Waiting for people is waiting: the word is known.
  { word: 'ENROLL_AT_RA', counted: 0 },
  { word: 'ENROLL_EXCEPTION', counted: 1 },
  // It ends a verification, and an enrolment waits on with it for ever.
  { word: 'SEARCH_MATCH', counted: 1 },
])('an enrolment that waits with $word counts $counted unknown words', async ({ word: upstreamStatus, counted }) => {
  const metrics = createWorkerMetrics(createMetrics({ service: 'workers', version: 'test' }), {
    kinds: [],
    states: [],
    events: ['progressed'],
    jobs: [],
    queues: [],
    upstreams: ['spid'],
    operations: [],
  });
  const spid = {
    standing: (...[kind, word]: Parameters<typeof readSpidStanding>) => readSpidStanding(kind, word, statuses),
  };
  const row: Partial<TransactionRow> = {
    id: '00000000-0000-4000-8000-000000000000',
    kind: 'spid.enroll',
    state: 'awaiting',
    upstreamStatus,
  };
  createObserver(metrics, createLog({ service: 'workers', level: 'silent' }), spid).transition(
    row as TransactionRow,
    'progressed',
  );
  const { body } = await metrics.expose();
  const [, count = '0'] = /^atesto_upstream_unknown_words_total\{.*upstream="spid".*\} (\d+)$/m.exec(body) ?? [];
  expect(Number(count)).toBe(counted);
});
