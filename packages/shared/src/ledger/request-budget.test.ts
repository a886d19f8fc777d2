import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Postgres } from '../../../../test/stack/postgres.ts';
import { startPostgres } from '../../../../test/stack/postgres.ts';
import { type Database, migrate, openDatabase } from './database.ts';
import { createRequestBudgets, pacing, type RequestBudgets, readPaces } from './request-budget.ts';

let postgres: Postgres;
/** One for each of two processes. */
let databases: Database[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.createDatabase();
  await migrate(url);
  databases = [0, 1].map(() => openDatabase({ url, max: 4 }, () => {}));
});
afterAll(async () => {
  await Promise.all(databases.map((db) => db.end()));
  await postgres?.stop();
  expect(errors).toEqual([]);
});

const never = new AbortController().signal;

/** A new account as two processes see it. */
function open(requestsPerSecond: number): { name: string; processes: [RequestBudgets, RequestBudgets] } {
  const name = randomUUID();
  const budgets = databases.map((db) =>
    createRequestBudgets(db, [{ name, requestsPerSecond }], (error) => errors.push(error)),
  );
  return { name, processes: budgets as [RequestBudgets, RequestBudgets] };
}

async function paceOf(account: string): Promise<number | undefined> {
  const found = await databases[0]?.query<{ per_second: number }>(
    'select per_second from request_budgets where account = $1',
    [account],
  );
  return found?.rows[0]?.per_second;
}

/** When each of `count` turns came, taken by four at a time in two processes; from the first. */
async function takeTurns(count: number, { name, processes }: ReturnType<typeof open>): Promise<number[]> {
  const at: number[] = [];
  let left = count;
  const taker = async (budgets: RequestBudgets) => {
    while (left-- > 0) {
      await budgets.turn(name, never);
      at.push(performance.now());
    }
  };
  await Promise.all([...processes, ...processes].map(taker));
  return at.map((time) => time - (at[0] as number));
}

it('gives turns evenly, however many ask in however many processes', async () => {
  const account = open(50);
  const at = await takeTurns(40, account);
  const interval = 1000 / (50 * pacing.share);
  // Five milliseconds for timers, which Node fires up to one early, and clocks that are read apart.
  expect(at.at(-1)).toBeGreaterThanOrEqual(39 * interval - 2 * pacing.lateMs - 5);
  // No burst anywhere: what was left unused is not caught up with.
  const tens = at.slice(10).map((time, i) => time - (at[i] as number));
  expect(Math.min(...tens)).toBeGreaterThanOrEqual(10 * interval * 0.7);
});

it.each([
  ['as long as Retry-After says', 1_500, 1_500],
  ['for a while where it does not say', 0, pacing.shortestStopMs],
])('stops every process after a 429 %s', async (_what, retryAfterMs, atLeast) => {
  const { name, processes } = open(1_000);
  await processes[0].turn(name, never);
  const began = performance.now();
  await processes[0].throttled(name, retryAfterMs);
  // A shorter stop does not end a longer one.
  await processes[1].throttled(name, 0);
  const waited = await Promise.all(
    processes.map(async (budgets) => {
      await budgets.turn(name, never);
      return performance.now() - began;
    }),
  );
  for (const ms of waited) expect(ms).toBeGreaterThanOrEqual(atLeast - 5);
});

it('slows down with a 429, once for what was under way together, and regains with what goes well', async () => {
  const account = open(200);
  const { name, processes } = account;
  const most = 200 * pacing.share;
  await processes[0].turn(name, never);
  expect(await paceOf(name)).toBeCloseTo(most);
  await Promise.all(processes.map((budgets) => budgets.throttled(name, 0)));
  expect(await paceOf(name)).toBeCloseTo(most * pacing.slower);
  await takeTurns(10, account);
  expect(await paceOf(name)).toBeCloseTo(most * (pacing.slower + 10 * pacing.regain));
  await takeTurns(30, account);
  expect(await paceOf(name)).toBeCloseTo(most);
});

it.each([
  ['at once delays nobody', "interval '0'", false],
  ['long after its turn, or without one, delays the next turn', "interval '-10 seconds'", true],
])('what leaves %s', async (_what, movedBy, delayed) => {
  const { name, processes } = open(1);
  const interval = 1000 / pacing.share;
  await processes[0].turn(name, never);
  const moveBy = async (change: string) => {
    const found = await databases[0]?.query<{ ms: number }>(
      `update request_budgets set free_at = free_at + ${change} where account = $1
        returning extract(epoch from free_at - clock_timestamp())::float8 * 1000 as ms`,
      [name],
    );
    return found?.rows[0]?.ms as number;
  };
  const before = await moveBy(movedBy);
  await processes[1].left(name);
  const after = await moveBy("interval '0'");
  if (delayed) expect(after).toBeGreaterThan(interval - pacing.leavesWithinMs - 500);
  else expect(after).toBeLessThanOrEqual(before);
});

it('does not slow down for ever', async () => {
  const { name, processes } = open(100);
  const most = 100 * pacing.share;
  for (let i = 0; i < 20; i++) {
    await processes[0].throttled(name, 0);
    await databases[0]?.query("update request_budgets set slowed_at = '-infinity' where account = $1", [name]);
  }
  expect(await paceOf(name)).toBeCloseTo(most * pacing.least);
});

it('gives a live read the next place, and every second one at most', async () => {
  const account = open(50);
  const { name, processes } = account;
  const interval = 1000 / (50 * pacing.share);
  const stop = new AbortController();
  let turns = 0;
  const working = Promise.all(
    processes.map(async (budgets) => {
      for (; !stop.signal.aborted; turns++) await budgets.turn(name, stop.signal);
    }),
  ).catch(() => undefined);
  const took: number[] = [];
  for (let i = 0; i < 15; i++) {
    const began = performance.now();
    expect(await processes[i % 2]?.read(name, 2_000)).toBe(true);
    took.push(performance.now() - began);
  }
  stop.abort();
  await working;
  // Reads in a row: work had a place between any two of them.
  expect(turns).toBeGreaterThanOrEqual(13);
  const median = took.sort((a, b) => a - b)[7] as number;
  expect(median).toBeLessThan(4 * interval);
});

it('has no place for a read that would come too late, and takes none', async () => {
  const { name, processes } = open(10);
  await processes[0].throttled(name, 60_000);
  const began = performance.now();
  expect(await processes[1].read(name, 2_000)).toBe(false);
  expect(performance.now() - began).toBeLessThan(1_500);
  const crowded = open(2);
  const reads = await Promise.all(Array.from({ length: 8 }, () => crowded.processes[0].read(crowded.name, 1_200)));
  expect(reads.filter(Boolean).length).toBeGreaterThanOrEqual(1);
  expect(reads.filter(Boolean).length).toBeLessThanOrEqual(2);
});

it('waits for a ledger that is away, and can be called off', async () => {
  const failures: unknown[] = [];
  let away = 2;
  const db = Object.assign(Object.create(databases[0] as Database) as Database, {
    query: (...args: [never]) =>
      away-- > 0 ? Promise.reject(new Error('away')) : (databases[0] as Database).query(...args),
  });
  const name = randomUUID();
  const budgets = createRequestBudgets(db, [{ name, requestsPerSecond: 1 }], (error) => failures.push(error));
  await budgets.turn(name, never);
  expect(failures).toHaveLength(2);
  await expect(budgets.turn(name, AbortSignal.timeout(50))).rejects.toThrow();
});

it('tells the present pace and stop of each account', async () => {
  const { name, processes } = open(10);
  const [db] = databases as [Database];
  const paces = () => readPaces(db, [{ name, requestsPerSecond: 10 }]);
  const full = 10 * pacing.share;
  expect(await paces()).toEqual([{ account: name, perSecond: full, stoppedSeconds: 0 }]);
  await processes[0].turn(name, never);
  await processes[1].throttled(name, 30_000);
  const [pace] = await paces();
  expect(pace?.perSecond).toBeCloseTo(full * pacing.slower);
  expect(pace?.stoppedSeconds).toBeGreaterThan(25);
  expect(pace?.stoppedSeconds).toBeLessThanOrEqual(30);
});
