import type { TransactionState } from '@atesto/shared/domain/transaction';
import type { Database } from '@atesto/shared/ledger/database';
import { waitFor } from '../stack/wait-for.ts';

/** How many transactions stand in each state. */
export async function statesOf(db: Database): Promise<Partial<Record<TransactionState, number>>> {
  const { rows } = await db.query<{ state: TransactionState; count: number }>(
    'select state, count(*)::int as count from transactions group by state',
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** How often something has happened to transactions. */
export async function eventsOf(db: Database, type: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    text: 'select count(*)::int as count from transaction_events where type = $1',
    values: [type],
  });
  return rows[0]?.count ?? 0;
}

/** Whether a gateway says that its queue is away. */
export async function queueAway(gateway: string): Promise<boolean> {
  const { queue } = (await (await fetch(`${gateway}/readyz`)).json()) as { queue: boolean };
  return !queue;
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

/** Waits until the workers have erased all of these that have come to their end. */
export async function untilErased(db: Database, ids: Iterable<string>): Promise<void> {
  const wanted = [...ids];
  const left = async () => {
    const { rowCount } = await db.query(`select from transactions where id = any ($1) and state <> 'erased'`, [wanted]);
    return rowCount;
  };
  await waitFor(async () => (await left()) === 0, { what: 'every erasure', timeoutMs: 15_000, everyMs: 50 });
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
