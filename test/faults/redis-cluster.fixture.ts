import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../stack/ports.ts';
import { startRedis } from '../stack/redis.ts';
import { findRedis } from '../stack/redis-source.ts';
import { waitFor } from '../stack/wait-for.ts';
import { type Guard, type MortalRedis, openMortalRedis } from './redis.fixture.ts';

const SLOTS = 16_384;

/** Three masters without replicas, each with a third of the slots and an append-only file. */
export interface RedisCluster {
  /** For `REDIS_URL`. */
  url: string;
  masters: readonly MortalRedis[];
  /** Whose key it is. */
  masterOf(key: string): Promise<MortalRedis>;
  /** Resolves when all three say that the Cluster is whole. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

/** Undefined where there is no server program and none can be installed. With a guard it is reached over TLS, with a password. */
export async function openRedisCluster(dir: string, guard?: Guard): Promise<RedisCluster | undefined> {
  if (!findRedis()) await (await startRedis()).stop();
  const masters: MortalRedis[] = [];
  const buses: number[] = [];
  for (let at = 0; at < 3; at++) {
    const home = path.join(dir, `master-${at}`);
    await mkdir(home, { recursive: true });
    // Beside the port by default, which may be above all ports.
    const bus = await freePort();
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-node-timeout', '1000'];
    const master = await openMortalRedis(home, { keeps: true, args, guard });
    if (!master) return undefined;
    masters.push(master);
    buses.push(bus);
  }
  const first = (at: number) => Math.floor((at * SLOTS) / 3);
  await Promise.all(
    masters.map((master, at) =>
      master.command('cluster', 'addslotsrange', String(first(at)), String(first(at + 1) - 1)),
    ),
  );
  for (const [at, { clientPort }] of masters.entries()) {
    if (at > 0) await masters[0]?.command('cluster', 'meet', '127.0.0.1', String(clientPort), String(buses[at]));
  }
  const cluster: RedisCluster = {
    url: `redis${guard ? 's' : ''}+cluster://${guard ? `:${guard.password}@` : ''}${masters.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',')}`,
    masters,
    async masterOf(key) {
      const slot = Number(await masters[0]?.command('cluster', 'keyslot', key));
      return masters.findLast((_, at) => slot >= first(at)) as MortalRedis;
    },
    async whole() {
      const states = async () =>
        Promise.all(masters.map(async (master) => String(await master.command('cluster', 'info').catch(() => ''))));
      const isWhole = async () =>
        (await states()).every((info) => info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3'));
      await waitFor(isWhole, { what: 'a whole cluster' });
    },
    async stop() {
      await Promise.all(masters.map((master) => master.stop()));
    },
  };
  await cluster.whole();
  return cluster;
}
