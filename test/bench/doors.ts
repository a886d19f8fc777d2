import path from 'node:path';
import type { ServiceProcess } from '../stack/processes.ts';
import { waitFor } from '../stack/wait-for.ts';
import { bodiesOf, FIRST_TIMESTAMP, LARGE, type Range } from './bodies.ts';
import type { Door } from './callers.ts';
import { type Child, openChild } from './child.ts';
import { openSubmitters } from './contender-atesto.ts';
import type { Gateway, Installation } from './installation.ts';
import { processorTime } from './processor.ts';
import { PROFILABLE } from './profile.ts';
import { checkArrivals, openServers, type Place, type Servers } from './servers.ts';
import type { Taken } from './stub.ts';

/** A whole pipeline, from a door to the stub, in processes of its own. */
export interface Pipeline {
  door: Door;
  /** Of its own processes, by what they are. */
  pids: Record<string, number>;
  /** Where it can be profiled. */
  gateway?: ServiceProcess;
  /** Nothing is under way any more. @throws Error when something is over in another way than sent and known */
  isOver(): Promise<boolean>;
  /** When each of a range was accepted by the pipeline's own record, in epoch milliseconds; undefined where its answer says it. */
  acceptedAt(range: Range): Promise<Map<number, number>> | undefined;
}

export const pipelineNames = ['obvious', 'atesto'] as const;
export type PipelineName = (typeof pipelineNames)[number];

export interface Doors {
  callers: Child;
  pipelines: Record<PipelineName, Pipeline>;
  /** Has the callers do something with the next `count` bodies at one pipeline, and checks that all came. */
  turn<Found>(
    name: PipelineName,
    count: number,
    question: (calls: { door: Door; aim: number } & Range) => Promise<Found>,
  ): Promise<Turn<Found>>;
}

export interface Turn<Found> {
  found: Found;
  range: Range;
  /** From the first call until everything is over. */
  seconds: number;
  /** Processor time per body in µs, by process. */
  cpuUs: Record<string, number>;
}

/** Gateway and workers of both, on the same servers, before one process that has all callers and the platform. */
export async function openDoors(place: Place): Promise<Doors> {
  const { dir, processes } = place;
  const servers = await openServers(place);
  const open = (main: string, args: string[], name: string) => {
    const child = openChild(main, args, path.join(dir, `${name}.log`));
    processes.onStop(() => child.stop());
    return child;
  };
  const callers = open('callers.ts', [], 'callers');
  const url = await callers.ask<string>('url');
  const redis = servers.redisUrl();
  const gateway = open('obvious-pipeline.ts', ['gateway', redis], 'obvious-gateway');
  const worker = open('obvious-pipeline.ts', ['worker', redis, url], 'obvious-worker');
  await worker.ask('url');
  const obvious: Pipeline = {
    door: { url: await gateway.ask<string>('url'), headers: {} },
    pids: { gateway: gateway.pid, worker: worker.pid },
    isOver: async () => (await gateway.ask<number>('left')) === 0,
    acceptedAt: () => undefined,
  };
  const pipelines = { obvious, atesto: await openAtestoPipeline(place, servers, url) };

  let from = 0;
  return {
    callers,
    pipelines,
    async turn(name, count, question) {
      const pipeline = pipelines[name];
      const range = { from, count };
      from += count;
      await callers.ask('prepare', { ...range, aim: LARGE });
      const pids = { ...pipeline.pids, callers: callers.pid, redis: servers.redis.pid, postgres: servers.postgres.pid };
      const time = () => Object.values(pids).map((pid) => processorTime(pid) ?? Number.NaN);
      const before = time();
      const began = performance.now();
      const found = await question({ ...range, door: pipeline.door, aim: LARGE });
      await waitFor(() => pipeline.isOver(), { what: `the end of what ${name} had in hand`, everyMs: 2 });
      const seconds = (performance.now() - began) / 1000;
      const after = time();
      const names = Object.keys(pids);
      const cpuUs = names.map((process, i) => [process, ((after[i] ?? 0) - (before[i] ?? 0)) / count] as const);
      const { arrivals } = await callers.ask<Taken>('take');
      checkArrivals(name, bodiesOf(LARGE), range, arrivals);
      return { found, range, seconds, cpuUs: Object.fromEntries(cpuUs) };
    },
  };
}

/** The SPID Server face takes the very bodies that the obvious door takes. */
async function openAtestoPipeline(place: Place, servers: Servers, stub: string): Promise<Pipeline> {
  const { installation, workers } = await openSubmitters(place, 'doors', {
    servers,
    stub: { url: stub },
    redis: servers.redisUrl(),
  });
  const gateway = await installation.startGateway(PROFILABLE);
  const { db } = installation;
  const acceptedAt = async ({ from, count }: Range) => {
    const first = new Date(FIRST_TIMESTAMP + from);
    const { rows } = await db.query<{ captured: Date; accepted: number }>(
      `select captured_at as captured, extract(epoch from accepted_at)::float8 * 1000 as accepted from transactions
        where captured_at >= $1 and captured_at < $2`,
      [first, new Date(first.getTime() + count)],
    );
    return new Map(rows.map(({ captured, accepted }) => [captured.getTime() - FIRST_TIMESTAMP, accepted]));
  };
  return {
    door: { url: gateway.url, headers: { authorization: `Bearer ${await systemKey(gateway)}` } },
    pids: { gateway: gateway.process.pid, worker: workers[0]?.pid as number },
    gateway: gateway.process,
    isOver: () => isAllConcluded(installation),
    acceptedAt,
  };
}

/** A key of an upstream system. */
export async function systemKey({ url, key }: Pick<Gateway, 'url' | 'key'>): Promise<string> {
  const answer = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench' }),
  });
  return ((await answer.json()) as { key: string }).key;
}

async function isAllConcluded({ db }: Installation): Promise<boolean> {
  const { rows } = await db.query<{ state: string; attempt: number }>(
    `select state, attempt from transactions where due_at is not null
      union all select state, attempt from transactions where state = 'dead'`,
  );
  const wrong = rows.find(({ state, attempt }) => attempt > 1 || state === 'dead' || state === 'unknown');
  if (wrong) throw new Error(`one is ${wrong.state} after ${wrong.attempt} attempts`);
  return rows.length === 0;
}
