import { SMALL } from './bodies.ts';
import { openAtesto, openSubmitters } from './contender-atesto.ts';
import type { Measured } from './rows.ts';
import { openServers, openStub, type Place } from './servers.ts';
import { rate } from './submit-report.ts';
import { inTurns, ratiosOf, submitTurns } from './turns.ts';

const LATENCY_MS = 50;
/** Jobs at a time in each process: so few that the upstream's latency is the limit, and not the machine. */
const CONCURRENCY = 4;
const BODIES = 320;

/** One process of workers, and two, before an upstream that takes its time. */
export async function measureTwoWorkers(
  options: Place & { rounds: number },
): Promise<{ text: string; rows: Measured[] }> {
  const { rounds, report } = options;
  const servers = await openServers(options);
  const stub = await openStub(options, LATENCY_MS);
  const env = { WORKER_CONCURRENCY: String(CONCURRENCY) };
  const open = async (name: string, processes: number) =>
    openAtesto({
      ...(await openSubmitters(options, name, { servers, stub, redis: servers.redisUrl(), env, processes })),
      stub,
      aim: SMALL,
    });
  const contenders = { one: await open('one', 1), two: await open('two', 2) };
  const turn = submitTurns(servers, stub);
  const found = await inTurns(
    ['one', 'two'],
    rounds,
    (name) => turn({ name, contender: contenders[name], aim: SMALL, count: BODIES }),
    (round, { one, two }) =>
      report(`workers, ${round}: 1 ${one.perSecond.toFixed(0)}/s, 2 ${two.perSecond.toFixed(0)}/s`),
  );
  const busy = (name: 'one' | 'two') =>
    found[name].map(({ cpuUs, seconds }) => `${(cpuUs / seconds / 10_000).toFixed(0)} %`).join(', ');
  return {
    text: [
      `Workers: ${rounds} rounds of ${BODIES} bodies of 2 KB; the upstream answers after ${LATENCY_MS} ms, ${CONCURRENCY} jobs at a time in each process.`,
      `Of a core, round by round: one process ${busy('one')}; two processes together ${busy('two')}.`,
    ].join('\n'),
    rows: [
      { row: 'workers', values: ratiosOf(found.two, found.one), raw: `2: ${rate(found.two)}, 1: ${rate(found.one)}` },
    ],
  };
}
