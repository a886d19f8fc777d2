import type { TransactionState } from '../domain/transaction.ts';
import type { Database } from './database.ts';

/** The transactions of one state and one IDCloud account (none: SPID Server). */
export interface StandingCount {
  state: TransactionState;
  account: string | undefined;
  count: number;
  /** Since the oldest of them was accepted. */
  oldestSeconds: number;
}

/** Each statement reads one partial index and nothing else, so it costs what is not over, however long the ledger is. */
export const STANDING = [
  `due_at is not null and not (state = 'awaiting' and account is not null)`,
  `due_at is not null and state = 'awaiting' and account is not null`,
  `state = 'dead'`,
].map(
  (where) => `select state, account, count(*) as count, extract(epoch from now() - min(accepted_at))::float8 as seconds
    from only transactions where ${where} group by state, account`,
);

/** What something still has to happen to: by a worker, or for `dead` by a person. States and accounts that nobody is in are left out. For gauges. */
export async function countStanding(db: Database): Promise<StandingCount[]> {
  const { rows } = await db.query<{ state: TransactionState; account: string | null; count: string; seconds: number }>({
    name: 'count-standing',
    text: STANDING.join(' union all '),
  });
  return rows.map(({ state, account, count, seconds }) => ({
    state,
    account: account ?? undefined,
    count: Number(count),
    oldestSeconds: Math.max(0, seconds),
  }));
}
