import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prefixOf } from '@atesto/shared/queues/connection';
import { waitFor } from '../../stack/wait-for.ts';
import type { MortalRedis } from '../redis.fixture.ts';
import { openRedisCluster } from '../redis-cluster.fixture.ts';
import { openRedisSentinels } from '../redis-sentinel.fixture.ts';
import type { Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';
import { queueAway, statesOf } from '../settling.fixture.ts';

/** BullMQ's workers wait so long for a job in one command; an outage that is longer is another case for them (taskforcesh/bullmq#4585). */
const LONGER_THAN_A_WAIT_MS = 7_000;

export const scaleScenarios: readonly Scenario[] = [
  {
    name: 'cluster-master-killed',
    proves:
      'The master of a Redis Cluster that holds a queue is killed with -9 under load and comes back: callers are accepted meanwhile, and two workers go on after it.',
    backends: ['redis'],
    scene: { redis: inFolder(async (dir) => opened(await openRedisCluster(dir), ({ masters }) => masters)) },
    volume: { acknowledged: 80, met: 20 },
    async run(scene) {
      const { house, load, met } = scene;
      await house.startWorkers('workers-2');
      const clients = load(6);
      await clients.more(30);
      const master = await holderOf(scene, prefixOf('spid'));
      await master.kill();
      const over = await scene.shown('queue away', () => queueAway(house.gateway.url));
      const away = clients.acknowledged();
      await clients.more(20, 'enrolments accepted without the queue');
      met(clients.acknowledged() - away);
      await master.start();
      await over();
      await clients.more(30, 'enrolments after it');
      await clients.stop();
      await concluded(scene, clients.acknowledged());
    },
  },
  {
    name: 'sentinel-failover',
    proves:
      'The master that Sentinels watch is killed with -9 and its replica takes its place; later both are away for longer than a worker waits for a job. Gateway and workers go on without a restart.',
    backends: ['redis'],
    scene: { redis: inFolder(async (dir) => opened(await openRedisSentinels(dir), ({ servers }) => servers)) },
    volume: { acknowledged: 80, met: 20 },
    async run(scene) {
      const { house, load, met, redisServers } = scene;
      await house.startWorkers('workers-2');
      const clients = load(6);
      await clients.more(20);
      const [first, second] = redisServers as [MortalRedis, MortalRedis];
      assert.equal(await roleOf(second), 'slave');
      const before = clients.acknowledged();
      await first.kill();
      await waitFor(async () => (await roleOf(second)) === 'master', { what: 'the replica in its place' });
      await clients.more(20, 'enrolments after the failover');
      met(clients.acknowledged() - before);
      // What came before its return is at the platform: the workers have found the new master.
      await concluded(scene, before);
      await first.start();
      await waitFor(async () => (await roleOf(first)) === 'slave', { what: 'the old master as a replica' });
      await Promise.all([first.kill(), second.kill()]);
      const since = performance.now();
      await waitFor(() => performance.now() - since > LONGER_THAN_A_WAIT_MS, { what: 'a long outage' });
      await Promise.all([first.start(), second.start()]);
      await clients.more(20, 'enrolments after the outage');
      await clients.stop();
      await concluded(scene, clients.acknowledged());
    },
  },
];

type Several = { url: string; servers: readonly MortalRedis[]; stop(): Promise<void> };

function opened<T extends { url: string; stop(): Promise<void> }>(
  redis: T | undefined,
  servers: (redis: T) => readonly MortalRedis[],
): Several | undefined {
  return redis && { url: redis.url, servers: servers(redis), stop: () => redis.stop() };
}

/** Opens it in a folder that goes with it. */
function inFolder(open: (dir: string) => Promise<Several | undefined>) {
  return async (closers: AsyncDisposableStack) => {
    const dir = await mkdtemp(path.join(tmpdir(), 'atesto-faults-redis-'));
    closers.defer(() => rm(dir, { recursive: true, force: true }));
    const several = await open(dir);
    if (several) closers.defer(() => several.stop());
    return several;
  };
}

/** The server with keys of this prefix. */
async function holderOf({ redisServers }: Scene, prefix: string): Promise<MortalRedis> {
  for (const server of redisServers) {
    if (((await server.command('keys', `${prefix}*`)) as string[]).length > 0) return server;
  }
  throw new Error(`no key of ${prefix}`);
}

async function roleOf(server: MortalRedis): Promise<string> {
  return ((await server.command('role')) as [string])[0];
}

async function concluded({ house }: Scene, count: number): Promise<void> {
  const reached = async () => ((await statesOf(house.db)).concluded ?? 0) >= count;
  await waitFor(reached, { what: `${count} that are concluded`, timeoutMs: 45_000 });
}
