import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import { replay } from '@atesto/shared/domain/transaction';
import type { Database } from '@atesto/shared/ledger/database';
import { getTransaction, listEvents, type TransactionRow } from '@atesto/shared/ledger/transactions';
import { expect } from 'vitest';
import type { Held, Platform } from '../stack/platform.ts';
import type { Enrolment } from './enrolments.fixture.ts';

/** Each enrolment is concluded in the ledger and held by the platform exactly once; the platform holds nothing else. */
export async function expectEachOnce(db: Database, platform: Platform, enrolments: readonly Enrolment[]) {
  const held = await platform.transactions();
  expect(repeated(held), 'sent twice').toEqual([]);
  const there = new Set(held.map(({ subject, timestamp }) => `${subject} ${timestamp}`));
  const lost = enrolments.filter(({ cpf, capturedAt }) => !there.has(`${cpf} ${capturedAt}`));
  expect(lost, 'not at the platform').toEqual([]);
  expect(held).toHaveLength(enrolments.length);
  for (const { id } of enrolments) {
    const row = await expectReplays(db, id);
    expect(row).toMatchObject({ state: 'concluded', verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' });
  }
}

/** What the platform holds more than once. */
export function repeated(held: readonly Held[]): string[] {
  const keys = held.map(({ subject, operator, timestamp }) => `${subject} ${operator} ${timestamp}`);
  return keys.filter((key, at) => keys.indexOf(key) !== at);
}

/** The event log is without a gap, each event begins where the one before ended, and the machine comes to the row's state with it. */
export async function expectReplays(db: Database, id: string): Promise<TransactionRow> {
  const [row, events] = await Promise.all([getTransaction(db, id), listEvents(db, id)]);
  if (!row) throw new Error(`no transaction ${id}`);
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: row.version + 1 }, (_, seq) => seq));
  const [first, ...rest] = events;
  expect(first).toMatchObject({ type: 'accepted', to: 'accepted', attempt: 0 });
  // Only the type decides where the machine goes.
  const snapshot = replay(rest.map(({ type }) => ({ type }) as TransactionEvent));
  expect(snapshot).toMatchObject({ state: row.state, attempt: row.attempt });
  expect(snapshot?.diedIn).toBe(row.diedIn);
  expect(rest.map(({ from }) => from)).toEqual(events.slice(0, -1).map(({ to }) => to));
  return row;
}
