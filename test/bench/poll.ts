import { setTimeout as delay } from 'node:timers/promises';
import { SMALL } from './bodies.ts';
import { type Contender, openVariant } from './contender.ts';
import { freeze, openSubmitters, wake } from './contender-atesto.ts';
import { fillWithCopies } from './copies.ts';
import { median, table } from './numbers.ts';
import { processorTime } from './processor.ts';
import type { Measured } from './rows.ts';
import { openServers, openStub, type Place } from './servers.ts';
import { rate } from './submit-report.ts';
import { inTurns, ratiosOf } from './turns.ts';

/** Look-ups in each turn. */
const LOOK_UPS = 3_000;
/** `TICK_MS` of the workers, as it is by default. */
const TICK_MS = 1_000;

/**
 * Awaiting transactions that are all due: the workers' sweep puts them in line, each is asked for, found enrolled and concluded in the ledger. Beside it a bare
 * client that makes the same calls.
 */
export async function measurePolls(options: Place & { rounds: number }): Promise<{ text: string; rows: Measured[] }> {
  const { rounds, report } = options;
  const servers = await openServers(options);
  const stub = await openStub(options);
  const { installation, workers } = await openSubmitters(options, 'poll', { servers, stub, redis: servers.redisUrl() });
  const { db } = installation;
  const like = await installation.accept(await installation.seal(Buffer.alloc(100)));
  const awaiting = async () =>
    (await db.query(`select count(*)::int as count from transactions where due_at is not null and state = 'awaiting'`))
      .rows[0].count as number;

  const contenders: Record<'bare' | 'atesto', Contender> = {
    bare: await openVariant(options, 'bareLookUps', { stub: stub.url, redis: '', aim: SMALL }),
    atesto: {
      async prepare({ count }) {
        freeze(workers);
        await fillWithCopies(db, like, count, { state: 'awaiting', dueInMs: 0 });
        // So the next round of the sweep begins as soon as they wake. What is waited for it otherwise is `outstanding`'s delay, and no rate.
        await delay(TICK_MS);
      },
      async run() {
        const took = await wake({ workers, stub }, LOOK_UPS, async () => (await awaiting()) === 0);
        return { ...took, msPerBody: Number.NaN };
      },
      async finish() {
        freeze(workers);
      },
    },
  };
  const pids = [stub.child.pid, servers.redis.pid, servers.postgres.pid];
  const serverTime = () => pids.map((pid) => processorTime(pid) ?? Number.NaN);
  const found = await inTurns(
    ['bare', 'atesto'],
    rounds,
    async (name, turns) => {
      await contenders[name].prepare({ from: turns * LOOK_UPS, count: LOOK_UPS });
      const before = serverTime();
      const { seconds, cpuUs } = await contenders[name].run();
      const serversUs = serverTime().map((after, i) => (after - (before[i] as number)) / LOOK_UPS);
      const { lookUps } = await stub.take();
      const ids = new Set(lookUps.map(({ id }) => id));
      if (ids.size !== LOOK_UPS || lookUps.length !== LOOK_UPS)
        throw new Error(`${name}: ${lookUps.length} look-ups of ${ids.size} transactions instead of ${LOOK_UPS}`);
      await contenders[name].finish();
      return { perSecond: LOOK_UPS / seconds, cpuUs: [cpuUs / LOOK_UPS, ...serversUs] };
    },
    (round, { bare, atesto }) =>
      report(`polls, ${round}: bare ${bare.perSecond.toFixed(0)}/s, atesto ${atesto.perSecond.toFixed(0)}/s`),
  );
  const cpu = (name: 'bare' | 'atesto', at: number) =>
    median(found[name].map(({ cpuUs }) => cpuUs[at] ?? Number.NaN)).toFixed(0);
  return {
    text: [
      `Polls: ${rounds} rounds of ${LOOK_UPS} look-ups, in turn; each transaction was asked for once.`,
      'CPU µs per look-up, median of the rounds:',
      '',
      table(
        ['who', 'client', 'stub', 'Redis', 'PostgreSQL'],
        (['bare', 'atesto'] as const).map((name) => [name, ...[0, 1, 2, 3].map((at) => cpu(name, at))]),
      ),
    ].join('\n'),
    rows: [
      {
        row: 'poll',
        values: ratiosOf(found.atesto, found.bare),
        raw: `atesto ${rate(found.atesto)} of bare ${rate(found.bare)}`,
      },
    ],
  };
}
