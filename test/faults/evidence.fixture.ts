import type { TransactionEvent, TransactionState } from '@atesto/shared/domain/transaction';
import { replay } from '@atesto/shared/domain/transaction';
import type { Database } from '@atesto/shared/ledger/database';
import { getTransaction, listEvents, type TransactionRow } from '@atesto/shared/ledger/transactions';
import { expect } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import type { Enrolment } from './enrolments.fixture.ts';
import type { Held, Platform } from './platform.fixture.ts';

/** How many transactions stand in each state. */
export async function statesOf(db: Database): Promise<Partial<Record<TransactionState, number>>> {
  const { rows } = await db.query<{ state: TransactionState; count: number }>(
    'select state, count(*)::int as count from transactions group by state',
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** Waits until as many transactions stand in `state`. */
export async function untilState(db: Database, state: TransactionState, count: number): Promise<void> {
  let states: Partial<Record<TransactionState, number>> = {};
  const reached = async () => {
    states = await statesOf(db);
    return (states[state] ?? 0) >= count;
  };
  await waitFor(reached, { what: `${count} × ${state}`, timeoutMs: 15_000 }).catch((error) => {
    throw new Error(`there are ${JSON.stringify(states)}`, { cause: error });
  });
}

/**
 * Waits until nothing moves by itself any more. What has to wait for longer than two seconds (a back-off, a job that got lost) is made due,
 * as an operator does it; a platform's time to settle is left alone.
 */
export async function untilAllSettled(db: Database, timeoutMs = 30_000): Promise<void> {
  let open: Partial<Record<TransactionState, number>> = {};
  await waitFor(
    async () => {
      await db.query(
        `update transactions set due_at = now()
         where due_at > now() + interval '2 seconds' and state <> 'submitting'`,
      );
      const { concluded: _, dead: __, erased: ___, ...rest } = await statesOf(db);
      open = rest;
      return Object.keys(open).length === 0;
    },
    { what: 'the end of every transaction', timeoutMs, everyMs: 100 },
  ).catch((error) => {
    throw new Error(`still open: ${JSON.stringify(open)}`, { cause: error });
  });
}

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
