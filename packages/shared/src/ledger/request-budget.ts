import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from './database.ts';

/** How an account is paced. Every number of it is here. */
export const pacing = {
  /**
   * Share of the allowed rate that is used. Requests leave evenly, but reach the upstream a little early or late; it may count any second, and
   * one too many costs more than what is left here: ten requests in 1,075 ms where ten a second are allowed.
   */
  share: 0.93,
  /** A turn that was taken late by no more than this does not delay the one after it; nor does a request that left so long after its turn. */
  lateMs: 10,
  leavesWithinMs: 30,
  /** A 429 multiplies the pace by this, never below `least` of the rate; once a second, as requests under way tell of the same excess. */
  slower: 0.7,
  least: 0.02,
  oncePerMs: 1_000,
  /** Each request that leaves without a 429 gives back this share of the rate. */
  regain: 0.01,
  /** After a 429 everybody stops for at least so long. */
  shortestStopMs: 1_000,
  /** While the ledger is away nothing leaves; it is asked again after this. */
  awayMs: 500,
} as const;

/** An upstream account and what its upstream allows it. */
export interface BudgetedAccount {
  name: string;
  requestsPerSecond: number;
}

/** The request budgets of upstream accounts, each shared by every process that calls the account: its state is a row of the ledger. */
export interface RequestBudgets {
  /**
   * Waits until the account's next request may leave, and takes its place: it should leave at once. A ledger that is away is waited for.
   * @throws AbortError when `signal` is aborted
   */
  turn(account: string, signal: AbortSignal): Promise<void>;
  /**
   * The same for a read that somebody waits for. It goes before all work in line, but has at most every second place, so that neither starves.
   * @returns false where none comes within `patienceMs`: nothing was taken
   */
  read(account: string, patienceMs: number): Promise<boolean>;
  /** A request leaves now: what leaves long after its turn, or had none, delays the next turn. Never throws. */
  left(account: string): Promise<void>;
  /** The upstream said 429: all stop for `retryAfterMs`, and go on more slowly. Never throws. */
  throttled(account: string, retryAfterMs: number): Promise<void>;
}

/** Asking for an account that is not among `accounts` throws a RangeError. */
export function createRequestBudgets(
  db: Database,
  accounts: readonly BudgetedAccount[],
  onError: (error: unknown) => void,
): RequestBudgets {
  const budgets = new Map(
    accounts.map(({ name, requestsPerSecond }) => [name, createBudget(db, name, requestsPerSecond, onError)]),
  );
  const of = (account: string) => {
    const budget = budgets.get(account);
    if (!budget) throw new RangeError('an account without a budget');
    return budget;
  };
  return {
    turn: async (account, signal) => of(account).turn(signal),
    read: async (account, patienceMs) => of(account).read(patienceMs),
    left: async (account) => of(account).left(),
    throttled: async (account, retryAfterMs) => of(account).throttled(retryAfterMs),
  };
}

/** How each account is paced now: requests a second, and for how many seconds nothing leaves. One that was never called has its full pace. */
export async function readPaces(
  db: Database,
  accounts: readonly BudgetedAccount[],
): Promise<{ account: string; perSecond: number; stoppedSeconds: number }[]> {
  const { rows } = await db.query<{ account: string; perSecond: number; stoppedSeconds: number }>({
    name: 'read-paces',
    text: `select account, per_second as "perSecond",
        extract(epoch from greatest(stopped_until, clock_timestamp()) - clock_timestamp())::float8 as "stoppedSeconds"
      from request_budgets`,
  });
  const paces = new Map(rows.map((row) => [row.account, row]));
  return accounts.map(({ name, requestsPerSecond }) => {
    const { perSecond = Number.POSITIVE_INFINITY, stoppedSeconds = 0 } = paces.get(name) ?? {};
    return { account: name, perSecond: Math.min(perSecond, requestsPerSecond * pacing.share), stoppedSeconds };
  });
}

function createBudget(db: Database, account: string, requestsPerSecond: number, onError: (error: unknown) => void) {
  const most = requestsPerSecond * pacing.share;
  let reads: Promise<unknown> = Promise.resolve();

  async function readBefore(deadline: number): Promise<boolean> {
    for (;;) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      const { taken, waitMs } = await reservePlace(db, account, most, left);
      if (!taken && waitMs >= left) return false;
      if (waitMs > 0) await delay(Math.ceil(waitMs));
      if (taken) return true;
    }
  }

  return {
    async turn(signal: AbortSignal): Promise<void> {
      for (;;) {
        signal.throwIfAborted();
        const waitMs = await takePlace(db, account, most).catch((error: unknown) => {
          onError(error);
          return pacing.awayMs;
        });
        if (waitMs === 0) return;
        await delay(Math.ceil(waitMs), undefined, { signal });
      }
    },
    read(patienceMs: number): Promise<boolean> {
      const deadline = performance.now() + patienceMs;
      // One of them asks at a time: a crowd of waiting readers does not become a crowd of statements.
      const granted = reads.then(() => readBefore(deadline));
      reads = granted.catch(() => undefined);
      return granted;
    },
    async left(): Promise<void> {
      await spaceOut(db, account, most).catch(onError);
    },
    async throttled(retryAfterMs: number): Promise<void> {
      await slowDown(db, account, most, Math.max(pacing.shortestStopMs, retryAfterMs)).catch(onError);
    },
  };
}

/** @returns 0 where the place is ours, else how long to wait before it is asked again, in milliseconds */
async function takePlace(db: Database, account: string, most: number): Promise<number> {
  const { rows } = await db.query<{ taken: boolean; waitMs: number | null }>({
    name: 'take-place',
    text: `with taken as (
        insert into request_budgets as b (account, per_second, free_at)
          values ($1, $2::float8, clock_timestamp() + interval '1 second' / $2)
        on conflict (account) do update set
          per_second = least($2, b.per_second + $2 * $3::float8),
          free_at = greatest(b.free_at, clock_timestamp() - $4 * interval '1 millisecond')
            + interval '1 second' / least($2, b.per_second)
        where greatest(b.free_at, b.stopped_until) <= clock_timestamp()
        returning account)
      select exists (select from taken) as taken, (
        select extract(epoch from greatest(free_at, stopped_until) - clock_timestamp())::float8 * 1000
        from request_budgets where account = $1) as "waitMs"`,
    values: [account, most, pacing.regain, pacing.lateMs],
  });
  const row = rows[0];
  // The wait was read before somebody else took the place: he is in front by one of them at most.
  return row?.taken ? 0 : Math.max(2, row?.waitMs ?? 0);
}

/** Takes the next place ahead of everybody who waits for it. `waitMs` is until it comes, or until it is worth asking again. */
async function reservePlace(
  db: Database,
  account: string,
  most: number,
  patienceMs: number,
): Promise<{ taken: boolean; waitMs: number }> {
  const { rows } = await db.query<{ taken: boolean; waitMs: number | null }>({
    name: 'reserve-place',
    text: `with place as (
        insert into request_budgets as b (account, per_second, free_at, read_at)
          values ($1, $2::float8, clock_timestamp() + interval '1 second' / $2, clock_timestamp() + interval '2 seconds' / $2)
        on conflict (account) do update set
          free_at = greatest(b.free_at, clock_timestamp()) + interval '1 second' / least($2, b.per_second),
          read_at = greatest(b.free_at, clock_timestamp()) + interval '2 seconds' / least($2, b.per_second),
          per_second = least($2, b.per_second + $2 * $3::float8)
        where greatest(b.stopped_until, b.read_at) <= greatest(b.free_at, clock_timestamp())
          and b.free_at <= clock_timestamp() + $4 * interval '1 millisecond'
        returning free_at - (read_at - free_at) as at)
      select exists (select from place) as taken, extract(epoch from coalesce((select at from place),
        (select greatest(free_at, stopped_until, read_at) from request_budgets where account = $1)
      ) - clock_timestamp())::float8 * 1000 as "waitMs"`,
    values: [account, most, pacing.regain, patienceMs],
  });
  const { taken = false, waitMs } = rows[0] ?? {};
  return taken ? { taken, waitMs: Math.max(0, waitMs ?? 0) } : { taken, waitMs: Math.max(2, waitMs ?? 0) };
}

async function spaceOut(db: Database, account: string, most: number): Promise<void> {
  await db.query({
    name: 'space-out',
    text: `update request_budgets set free_at = clock_timestamp() - $3 * interval '1 millisecond' + interval '1 second' / least($2, per_second)
      where account = $1
        and free_at < clock_timestamp() - $3 * interval '1 millisecond' + interval '1 second' / least($2::float8, per_second)`,
    values: [account, most, pacing.leavesWithinMs],
  });
}

async function slowDown(db: Database, account: string, most: number, stopMs: number): Promise<void> {
  const { slower, least, oncePerMs } = pacing;
  await db.query({
    name: 'slow-budget',
    text: `insert into request_budgets as b (account, per_second, free_at, stopped_until, slowed_at)
      values ($1, $2::float8 * $3, clock_timestamp(), clock_timestamp() + $6 * interval '1 millisecond', clock_timestamp())
      on conflict (account) do update set
        stopped_until = greatest(b.stopped_until, excluded.stopped_until),
        per_second = case when b.slowed_at > clock_timestamp() - $5 * interval '1 millisecond' then b.per_second
          else greatest($2 * $4::float8, least($2, b.per_second) * $3::float8) end,
        slowed_at = case when b.slowed_at > clock_timestamp() - $5 * interval '1 millisecond' then b.slowed_at
          else clock_timestamp() end`,
    values: [account, most, slower, least, oncePerMs, stopMs],
  });
}
