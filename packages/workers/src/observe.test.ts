import type { TransactionEventType, TransactionKind } from '@atesto/shared/domain/transaction';
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

/** What is counted of a transition to `row`. */
async function observed(row: Partial<TransactionRow>, event: TransactionEventType): Promise<string> {
  const metrics = createWorkerMetrics(createMetrics({ service: 'workers', version: 'test' }), {
    kinds: ['spid.enroll'],
    states: [],
    events: [event],
    jobs: [],
    queues: [],
    lanes: [],
    upstreams: ['spid', 'idcloud-bank'],
    operations: [],
  });
  const spid = {
    standing: (...[kind, word]: Parameters<typeof readSpidStanding>) => readSpidStanding(kind, word, statuses),
  };
  const id = '00000000-0000-4000-8000-000000000000';
  const log = createLog({ service: 'workers', level: 'silent' });
  createObserver(metrics, log, spid).transition({ id, ...row } as TransactionRow, event);
  return (await metrics.expose()).body;
}

it.each<[TransactionKind, word: string, counted: number]>([
  ['spid.enroll', 'ENROLL_PENDING', 0],
  ['spid.enroll', 'ENROLL_AT_AC', 0],
  // Waiting for people is waiting: the word is known.
  ['spid.enroll', 'ENROLL_AT_RA', 0],
  ['spid.enroll', 'ENROLL_EXCEPTION', 1],
  // It ends a verification, and an enrolment waits on with it for ever.
  ['spid.enroll', 'SEARCH_MATCH', 1],
  ['idcloud.process', '2', 0],
  ['idcloud.process', '9', 1],
  ['idcloud.unico', 'PROCESS_STATE_CREATED', 0],
  ['idcloud.unico', 'PROCESS_STATE_FINISHED', 1],
])('%s that waits with %s counts %i unknown words', async (kind, upstreamStatus, counted) => {
  const [account, upstream] = kind === 'spid.enroll' ? [undefined, 'spid'] : ['bank', 'idcloud-bank'];
  const body = await observed({ kind, account, state: 'awaiting', upstreamStatus }, 'progressed');
  const line = new RegExp(`^atesto_upstream_unknown_words_total\\{upstream="${upstream}"\\} (\\d+)$`, 'm');
  expect(Number(line.exec(body)?.[1] ?? 0)).toBe(counted);
});

it.each([
  ['contingency', 1],
  ['completed', 0],
] as const)('an end of %s counts %i contingencies', async (verdict, counted) => {
  const [acceptedAt, updatedAt] = [new Date(0), new Date(1_000)];
  const row = { kind: 'idcloud.process', account: 'bank', state: 'concluded', verdict, acceptedAt, updatedAt } as const;
  const line = /^atesto_contingencies_total\{upstream="idcloud-bank"\} (\d+)$/m;
  expect(Number(line.exec(await observed(row, 'concluded'))?.[1] ?? 0)).toBe(counted);
});

it.each([
  ['claimed', 1, 1],
  ['claimed', 2, 0],
  ['taken', 1, 0],
] as const)('%s at attempt %i counts %i waits until the first send', async (event, attempt, counted) => {
  const [acceptedAt, updatedAt] = [new Date(0), new Date(40)];
  const row = { kind: 'spid.enroll', state: 'submitting', attempt, acceptedAt, updatedAt } as const;
  const line = /^atesto_send_wait_seconds_bucket\{le="0.05",kind="spid.enroll"\} (\d+)$/m;
  expect(Number(line.exec(await observed(row, event))?.[1] ?? 0)).toBe(counted);
});
