import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { startPostgres } from '../stack/postgres.ts';
import type { Processes } from '../stack/processes.ts';
import { startRedis } from '../stack/redis.ts';
import { BODY_BYTES, checksumOf, type Range } from './bodies.ts';
import { type Child, openChild } from './child.ts';
import { rotated } from './numbers.ts';
import { processorTime } from './processor.ts';
import type { Profile } from './profile.ts';
import type { Arrival, Taken } from './stub-server.ts';
import type { ClientRound, VariantName, VariantSettings } from './variant.ts';
import { numbersIn, variantNames } from './variant.ts';

/** Processor time per body in µs, of the processes that everyone shares. */
export type ServerTime = Partial<Record<'stub' | 'redis' | 'postgres', number>>;

export interface Round extends ClientRound {
  perSecond: number;
  cpuUsPerBody: number;
  servers: ServerTime;
  /** That the stub was asked for. */
  connections: number;
}

export interface SubmitResults {
  /** One for each round that counts, in the same order for every variant: element i of all of them was measured in turn. */
  rounds: Record<VariantName, Round[]>;
  profile?: Profile;
  redisSource: string;
}

export interface SubmitOptions {
  rounds: number;
  bodies: number;
  profile: boolean;
  /** For vaults and logs. */
  dir: string;
  processes: Processes;
  report: (line: string) => void;
}

/** Starts the servers and a process for every variant, and lets the variants take turns. @throws Error when a body is lost, doubled or damaged */
export async function measureSubmit(options: SubmitOptions): Promise<SubmitResults> {
  const { bodies, dir, processes, report } = options;
  report('starting PostgreSQL, Redis, the stub of SPID Server and the variants');
  // With a setting of its own it is a server of its own, and commits are on disk, as in production.
  const postgres = await startPostgres({ fsync: true });
  processes.onStop(() => postgres.stop());
  // A folder of its own asks for a server of its own: what waits on the Redis of REDIS_URL is not for these workers.
  const redis = await startRedis({ dataDir: path.join(dir, 'redis'), report });
  processes.onStop(() => redis.stop());
  const open = (main: string, args: string[], name: string) => {
    const child = openChild(main, args, path.join(dir, `${name}.log`));
    processes.onStop(() => child.stop());
    return child;
  };
  const stub = open('stub-server.ts', [], 'stub-server');
  const url = await stub.ask<string>('url');
  const clients = {} as Record<VariantName, Child>;
  for (const name of variantNames) {
    const settings: VariantSettings = {
      stub: url,
      redis: redis.url,
      database: await postgres.createDatabase(),
      dir: path.join(dir, name),
    };
    await mkdir(settings.dir, { recursive: true });
    clients[name] = open('client.ts', [name, JSON.stringify(settings)], name);
    await clients[name].ask('ready');
  }

  let from = 0;
  const turn = async <T>(
    name: VariantName,
    question: 'run' | 'profile',
  ): Promise<{ answer: T; servers: ServerTime; connections: number }> => {
    const range = { from, count: bodies };
    from += bodies;
    await clients[name].ask('prepare', range);
    const time = () => [stub.pid, redis.pid, postgres.pid].map(processorTime);
    const before = time();
    const answer = await clients[name].ask<T>(question);
    const [stubUs, redisUs, postgresUs] = time().map((after, i) => perBody(after, before[i], bodies));
    const { arrivals, connections } = await stub.ask<Taken>('take');
    checkArrivals(name, range, arrivals);
    await clients[name].ask('finish');
    return { answer, connections, servers: defined({ stub: stubUs, redis: redisUs, postgres: postgresUs }) };
  };

  const rounds = Object.fromEntries(variantNames.map((name) => [name, [] as Round[]])) as SubmitResults['rounds'];
  for (let round = 0; round <= options.rounds; round++) {
    // Nobody is always the one who comes after the heaviest.
    for (const name of rotated(variantNames, round)) {
      const { answer, servers, connections } = await turn<ClientRound>(name, 'run');
      // The first one warms up.
      if (round === 0) continue;
      rounds[name].push({
        ...answer,
        perSecond: bodies / answer.seconds,
        cpuUsPerBody: answer.cpuUs / bodies,
        servers,
        connections,
      });
    }
    const rates = variantNames.map((name) => `${name} ${rounds[name].at(-1)?.perSecond.toFixed(0)}/s`);
    report(round === 0 ? 'warm' : `round ${round} of ${options.rounds}: ${rates.join(', ')}`);
  }
  const redisSource = redis.source;
  if (!options.profile) return { rounds, redisSource };
  report('profiling the submit path');
  return { rounds, redisSource, profile: (await turn<Profile>('atesto', 'profile')).answer };
}

/** @throws Error unless every body came once and whole, and none that was not sent */
function checkArrivals(name: VariantName, range: Range, arrivals: readonly Arrival[]): void {
  const times = new Map<number, number>();
  for (const { number, bytes, checksum } of arrivals) {
    if (number === undefined || bytes !== BODY_BYTES || checksum !== checksumOf(number))
      throw new Error(`${name}: the stub server received ${bytes} bytes that are none of the bodies`);
    times.set(number, (times.get(number) ?? 0) + 1);
  }
  const wrong = numbersIn(range).filter((number) => times.get(number) !== 1);
  if (wrong.length > 0 || arrivals.length !== range.count)
    throw new Error(`${name}: ${arrivals.length} bodies arrived of ${range.count}, ${wrong.length} not exactly once`);
}

function perBody(after: number | undefined, before: number | undefined, bodies: number): number | undefined {
  return after === undefined || before === undefined ? undefined : (after - before) / bodies;
}

function defined(time: Record<keyof ServerTime, number | undefined>): ServerTime {
  return Object.fromEntries(Object.entries(time).filter(([, us]) => us !== undefined));
}
