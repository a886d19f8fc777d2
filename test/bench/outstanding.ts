import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '@atesto/shared/ledger/database';
import { countStanding } from '@atesto/shared/ledger/standing';
import { Redis } from 'ioredis';
import { freeze, openSubmitters, thaw } from './contender-atesto.ts';
import { fillWithCopies } from './copies.ts';
import { median, percentile, spread } from './numbers.ts';
import { processorTime } from './processor.ts';
import type { Measured } from './rows.ts';
import { openServers, openStub, type Place, type Servers, type Stub } from './servers.ts';
import { inTurns } from './turns.ts';

const OUTSTANDING = 1_000_000;
/** Nothing of what is filled in is due while the bench runs, and it does not come due all at once. */
const NOT_DUE_MS = 24 * 3_600_000;
const TICK_WINDOW_MS = 8_000;
/** Polls that come due, evenly. */
const DUE_PER_SECOND = 100;
const DUE_WINDOW_S = 6;

/** A million awaiting transactions: what they take, what they cost while none is due, and how late one is asked for that comes due. */
export async function measureOutstanding(
  options: Place & { rounds: number },
): Promise<{ text: string; rows: Measured[] }> {
  const { rounds, report } = options;
  const servers = await openServers(options);
  const stub = await openStub(options);
  const open = (name: string) => openSubmitters(options, name, { servers, stub, redis: servers.redisUrl() });
  const houses = { empty: await open('empty'), full: await open('full') };
  const { db, accept, seal } = houses.full.installation;

  const memory = await redisMemory(servers);
  const before = await memory();
  report(`filling a ledger with ${OUTSTANDING} awaiting transactions`);
  let began = performance.now();
  const like = await accept(await seal(Buffer.alloc(100)));
  await fillWithCopies(db, like, OUTSTANDING, { state: 'awaiting', dueInMs: NOT_DUE_MS, apart: true });
  const filledIn = (performance.now() - began) / 1000;
  // The workers look at it as they always do.
  await delay(5_000);
  const megabytes = ((await memory()) - before) / 1e6;

  const ticks = await inTurns(['empty', 'full'], rounds, async (name) => {
    freeze(houses[name === 'empty' ? 'full' : 'empty'].workers);
    thaw(houses[name].workers);
    const pids = [...houses[name].workers.map(({ pid }) => pid), servers.postgres.pid, servers.redis.pid];
    const time = () => pids.reduce<number>((sum, pid) => sum + (processorTime(pid) ?? Number.NaN), 0);
    // What it did not do while it was frozen is done first.
    await delay(2_000);
    const from = time();
    began = performance.now();
    await delay(TICK_WINDOW_MS);
    return (time() - from) / (performance.now() - began) / 10;
  });
  thaw([...houses.empty.workers, ...houses.full.workers]);
  report(`ticks, % of a core: empty ${spread(ticks.empty, 2)}, full ${spread(ticks.full, 2)}`);

  const counts: number[] = [];
  for (let i = 0; i < 5; i++) {
    began = performance.now();
    await countStanding(db);
    counts.push(performance.now() - began);
  }
  report(`counting them: ${spread(counts, 0)} ms`);

  const delays: number[][] = [];
  for (let round = 0; round <= rounds; round++) {
    const window = await dueWindow(db, stub);
    if (round > 0) delays.push(window);
    report(`polls that come due, round ${round}: p99 ${percentile(window, 0.99).toFixed(0)} ms`);
  }
  const all = delays.flat();
  return {
    text: [
      `Outstanding: ${OUTSTANDING} awaiting transactions of ${Math.round(OUTSTANDING / 10)} people with their events, filled in ${filledIn.toFixed(0)} s.`,
      `Redis took ${megabytes.toFixed(2)} MB more. Windows of ${TICK_WINDOW_MS / 1000} s, processor time of worker, PostgreSQL and Redis together: see the table.`,
      `Counting what is in flight for a scrape: ${spread(counts, 0)} ms.`,
      `Of them ${DUE_PER_SECOND} a second came due, ${all.length} in all: asked for after ${percentile(all, 0.5).toFixed(0)} ms (p50), ${percentile(all, 0.99).toFixed(0)} ms (p99), ${Math.max(...all).toFixed(0)} ms at most.`,
    ].join('\n'),
    rows: [
      { row: 'outstandingRedis', values: [Math.max(0, megabytes)], raw: `${(before / 1e6).toFixed(1)} MB before` },
      {
        row: 'outstandingTick',
        values: ticks.full.map((share, i) => Math.max(0, share - (ticks.empty[i] as number))),
        raw: `${median(ticks.full).toFixed(2)} % and ${median(ticks.empty).toFixed(2)} % of a core`,
      },
      {
        row: 'outstandingDelay',
        values: delays.map((window) => percentile(window, 0.99) / 1000),
        raw: `p50 ${percentile(all, 0.5).toFixed(0)} ms, ${all.length} polls`,
      },
    ],
  };
}

async function redisMemory({ redis }: Servers): Promise<() => Promise<number>> {
  return async () => {
    const connection = new Redis(redis.url);
    try {
      return Number(/^used_memory:(\d+)/m.exec(await connection.info('memory'))?.[1]);
    } finally {
      connection.disconnect();
    }
  };
}

/** Lets some come due, evenly over a window. @returns how long after its time each was asked for, in milliseconds */
async function dueWindow(db: Database, stub: Stub): Promise<number[]> {
  const count = DUE_PER_SECOND * DUE_WINDOW_S;
  const { rows } = await db.query<{ id: string; due: number }>(
    `with chosen as (
        select id, row_number() over () as place from (
          select id from transactions where state = 'awaiting' and due_at > now() + interval '1 hour' order by due_at limit $1) found)
      update transactions t set due_at = now() + interval '500 milliseconds' + chosen.place * $2 * interval '1 millisecond' from chosen
      where t.id = chosen.id returning t.upstream_id as id, extract(epoch from t.due_at)::float8 * 1000 as due`,
    [count, 1000 / DUE_PER_SECOND],
  );
  await stub.until(count);
  const due = new Map(rows.map((row) => [row.id, row.due]));
  const { lookUps } = await stub.take();
  if (lookUps.length !== count) throw new Error(`${lookUps.length} look-ups instead of ${count}`);
  return lookUps.map(({ id, at }) => at - (due.get(id) ?? Number.NaN));
}
