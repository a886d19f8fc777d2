import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Postgres, startPostgres } from '../stack/postgres.ts';
import type { Processes } from '../stack/processes.ts';
import { type RedisServer, startRedis } from '../stack/redis.ts';
import { type Bodies, numbersIn, type Range } from './bodies.ts';
import { type Child, openChild } from './child.ts';
import type { Arrival, Taken } from './stub.ts';

/** For a round's requests. */
const PATIENCE_MS = 180_000;

/** Where a program of the bench runs. */
export interface Place {
  /** For vaults, queues and logs. */
  dir: string;
  processes: Processes;
  report: (line: string) => void;
}

export interface Servers {
  postgres: Postgres;
  redis: RedisServer;
  /** A database of Redis that nobody else uses: at most sixteen. */
  redisUrl(): string;
}

/** PostgreSQL that commits to disk, as in production, and a Redis of its own, whatever `REDIS_URL` says: what waits there is not for these workers. */
export async function openServers({ dir, processes, report }: Place): Promise<Servers> {
  report('starting PostgreSQL and Redis');
  const postgres = await startPostgres({ fsync: true });
  processes.onStop(() => postgres.stop());
  const redis = await startRedis({ dataDir: path.join(dir, `redis-${postgres.pid}`), report });
  processes.onStop(() => redis.stop());
  let databases = 0;
  return { postgres, redis, redisUrl: () => `${redis.url}/${databases++}` };
}

/** The stub in a process of its own, as the others see it. */
export interface Stub {
  url: string;
  child: Child;
  take(): Promise<Taken>;
  /** Resolves when so many requests came since the last `take`. @throws Error when they do not come */
  until(count: number): Promise<void>;
}

export async function openStub({ dir, processes }: Place, latencyMs = 0): Promise<Stub> {
  const child = openChild('stub-server.ts', [String(latencyMs)], path.join(dir, 'stub-server.log'));
  processes.onStop(() => child.stop());
  return {
    url: await child.ask<string>('url'),
    child,
    take: () => child.ask<Taken>('take'),
    async until(count) {
      const waiting = new AbortController();
      const late = delay(PATIENCE_MS, true, { signal: waiting.signal }).catch(() => false);
      const isLate = await Promise.race([child.ask('until', count), late]);
      waiting.abort();
      if (isLate) throw new Error(`the stub server did not get ${count} requests within ${PATIENCE_MS} ms`);
    },
  };
}

/** @throws Error unless every body came once and whole, and none that was not sent */
export function checkArrivals(name: string, bodies: Bodies, range: Range, arrivals: readonly Arrival[]): void {
  const times = new Map<number, number>();
  for (const { number, bytes, checksum } of arrivals) {
    if (number === undefined || bytes !== bodies.bytes || checksum !== bodies.checksumOf(number))
      throw new Error(`${name}: the stub server received ${bytes} bytes that are none of the bodies`);
    times.set(number, (times.get(number) ?? 0) + 1);
  }
  const wrong = numbersIn(range).filter((number) => times.get(number) !== 1);
  if (wrong.length > 0 || arrivals.length !== range.count)
    throw new Error(`${name}: ${arrivals.length} bodies arrived of ${range.count}, ${wrong.length} not exactly once`);
}
