import type { TransactionKind } from '@atesto/shared/domain/transaction';
import { transition } from '@atesto/shared/domain/transaction';
import type { Voided } from '@atesto/shared/upstreams/upstream';
import { expect, it } from 'vitest';
import { decideVoided } from './decide-voided.ts';

const error: Voided = { kind: 'voided', reason: 'process-error', upstreamStatus: '5' };
const cancelled: Voided = { kind: 'voided', reason: 'cancelled', upstreamStatus: '4' };
const failed: Voided = { kind: 'voided', reason: 'process-error', upstreamStatus: 'PROCESS_STATE_FAILED' };
const anew = (reason: string, dueInMs: number) => ({ event: { type: 'voided', reason }, dueInMs });
const over = ({ upstreamStatus, reason }: Voided, result?: object) => ({
  event: { type: 'concluded', outcome: { verdict: 'contingency', upstreamStatus, reason } },
  ...(result && { result }),
});

const rows: [kind: TransactionKind, Voided, before: number, operation: string | undefined, expected: object][] = [
  ['idcloud.process', error, 0, 'createProcess', anew('process-error', 1_000)],
  ['idcloud.process', error, 1, 'createProcess', anew('process-error', 2_000)],
  ['idcloud.process', error, 2, undefined, anew('process-error', 4_000)],
  ['idcloud.process', error, 3, 'createProcess', over(error, { status: 5 })],
  ['idcloud.process', cancelled, 0, 'createProcess', anew('cancelled', 1_000)],
  ['idcloud.process', cancelled, 3, 'createProcess', over(cancelled, { status: 5 })],
  // Its capture is spent.
  ['idcloud.process', error, 0, 'createSdkProcess', over(error, { status: 5 })],
  ['idcloud.document', error, 0, 'createProcess', anew('process-error', 1_000)],
  ['idcloud.document', error, 3, 'createProcess', over(error, { status: 5 })],
  ['idcloud.unico', failed, 2, 'createUnicoProcess', anew('process-error', 4_000)],
  ['idcloud.unico', failed, 3, 'createUnicoProcess', over(failed)],
];

it.each(rows)('%s, %o after %i others (%s)', (kind, voided, before, operation, expected) => {
  const decision = decideVoided(voided, { kind, operation, before }, () => 0.5);
  expect(decision).toEqual(expected);
  for (const state of ['submitting', 'awaiting'] as const) {
    expect(transition({ state, attempt: 1 }, decision.event)).toBeDefined();
  }
});
