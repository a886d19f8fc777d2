import path from 'node:path';
import type { ServiceProcess } from '../stack/processes.ts';
import { bodiesOf, LARGE, SMALL } from './bodies.ts';
import { NODE_FLAGS } from './child.ts';
import { type Contender, type ContenderRound, openVariant } from './contender.ts';
import { openAtesto } from './contender-atesto.ts';
import { openInstallation } from './installation.ts';
import { processorTime } from './processor.ts';
import { openProfiler, PROFILABLE, type Profile } from './profile.ts';
import { checkArrivals, openServers, openStub, type Place, type Servers, type Stub } from './servers.ts';
import { inTurns } from './turns.ts';

/** Processor time per body in µs, of the processes that everyone shares. */
export type ServerTime = Partial<Record<'stub' | 'redis' | 'postgres', number>>;

export interface Round extends ContenderRound {
  perSecond: number;
  cpuUsPerBody: number;
  servers: ServerTime;
  /** That the stub was asked for. */
  connections: number;
}

export const largeNames = ['bare', 'atesto', 'atesto-pg', 'obvious'] as const;
export const smallNames = ['bare', 'atesto'] as const;
export type ContenderName = (typeof largeNames)[number];

/** Bodies of one size. Element i of every list was measured in the same round. */
export interface SizeResults<Name extends ContenderName> {
  bytes: number;
  /** Of each contender in each round. */
  bodies: number;
  rounds: Record<Name, Round[]>;
}

export interface SubmitResults {
  large: SizeResults<ContenderName>;
  small: SizeResults<(typeof smallNames)[number]>;
  profile?: Profile;
  redisSource: string;
}

export interface SubmitOptions extends Place {
  rounds: number;
  /** Large bodies that each contender sends in a round; of small ones five times as many. */
  bodies: number;
  profile: boolean;
}

/** Starts the servers and a process for every contender, and lets them take turns. @throws Error when a body is lost, doubled or damaged */
export async function measureSubmit(options: SubmitOptions): Promise<SubmitResults> {
  const { rounds, report } = options;
  const servers = await openServers(options);
  const stub = await openStub(options);
  const [redis, ownRedis] = [servers.redisUrl(), servers.redisUrl()];
  const atesto = await openWorkers(options, 'atesto', { servers, stub, redis: ownRedis });
  const onPostgres = await openWorkers(options, 'atesto-pg', { servers, stub });
  const variant = (name: 'bare' | 'obvious', aim: number) => openVariant(options, name, { stub: stub.url, redis, aim });
  const large: Record<ContenderName, Contender> = {
    bare: await variant('bare', LARGE),
    atesto: openAtesto({ ...atesto, stub, aim: LARGE }),
    'atesto-pg': openAtesto({ ...onPostgres, stub, aim: LARGE }),
    obvious: await variant('obvious', LARGE),
  };
  const small = { bare: await variant('bare', SMALL), atesto: openAtesto({ ...atesto, stub, aim: SMALL }) };

  const turn = turnsOf(servers, stub);
  const measure = async <Name extends ContenderName>(
    names: readonly Name[],
    contenders: Record<Name, Contender>,
    aim: number,
    bodies: number,
  ): Promise<SizeResults<Name>> => ({
    bytes: bodiesOf(aim).bytes,
    bodies,
    rounds: await inTurns(
      names,
      rounds,
      (name) => turn(name, contenders[name], aim, bodies),
      (round, found) => {
        const rates = names.map((name) => `${name} ${found[name].perSecond.toFixed(0)}/s`).join(', ');
        report(`${aim} bytes, ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${rates}`);
      },
    ),
  });
  const results: SubmitResults = {
    large: await measure(largeNames, large, LARGE, options.bodies),
    small: await measure(smallNames, small, SMALL, options.bodies * 5),
    redisSource: servers.redis.source,
  };
  if (options.profile) {
    report('profiling the submit path');
    const profiler = await openProfiler(atesto.workers[0] as ServiceProcess);
    await turn('atesto', large.atesto, LARGE, options.bodies, async (run) => {
      results.profile = await profiler.during(run);
    });
  }
  return results;
}

async function openWorkers(
  place: Place,
  name: string,
  { servers, stub, redis }: { servers: Servers; stub: Stub; redis?: string },
) {
  const installation = await openInstallation({
    dir: path.join(place.dir, name),
    database: await servers.postgres.createDatabase(),
    ...(redis === undefined ? {} : { redis }),
    processes: place.processes,
    env: { SPID_SERVER_URL: stub.url, SPID_SERVER_RATE: '10000' },
  });
  place.processes.onStop(() => installation.close());
  const workers = [await installation.startWorkers({ NODE_OPTIONS: [...NODE_FLAGS, PROFILABLE].join(' ') })];
  return { installation, workers };
}

/** One turn of one contender, with what it cost the servers, and the check that every body came. */
function turnsOf({ redis, postgres }: Servers, stub: Stub) {
  let from = 0;
  return async (
    name: string,
    contender: Contender,
    aim: number,
    count: number,
    around: (run: () => Promise<void>) => Promise<void> = (run) => run(),
  ): Promise<Round> => {
    const range = { from, count };
    from += count;
    await contender.prepare(range);
    const time = () => [stub.child.pid, redis.pid, postgres.pid].map(processorTime);
    const before = time();
    let took: ContenderRound | undefined;
    await around(async () => {
      took = await contender.run();
    });
    const [stubUs, redisUs, postgresUs] = time().map((after, i) => perBody(after, before[i], count));
    const { arrivals, connections } = await stub.take();
    checkArrivals(name, bodiesOf(aim), range, arrivals);
    await contender.finish();
    const { seconds, cpuUs, msPerBody } = took as ContenderRound;
    const servers = defined({ stub: stubUs, redis: redisUs, postgres: postgresUs });
    return { seconds, cpuUs, msPerBody, perSecond: count / seconds, cpuUsPerBody: cpuUs / count, servers, connections };
  };
}

function perBody(after: number | undefined, before: number | undefined, bodies: number): number | undefined {
  return after === undefined || before === undefined ? undefined : (after - before) / bodies;
}

function defined(time: Record<keyof ServerTime, number | undefined>): ServerTime {
  return Object.fromEntries(Object.entries(time).filter(([, us]) => us !== undefined));
}
