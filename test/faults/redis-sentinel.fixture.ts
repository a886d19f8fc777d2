import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startRedis } from '../stack/redis.ts';
import { findRedis } from '../stack/redis-source.ts';
import { waitFor } from '../stack/wait-for.ts';
import { type Guard, type MortalRedis, openMortalRedis } from './redis.fixture.ts';

/** A master, a replica, and three Sentinels that put the one in the other's place. */
export interface RedisSentinels {
  /** For `REDIS_URL`. */
  url: string;
  servers: readonly [MortalRedis, MortalRedis];
  /** Port of the server that the Sentinels call the master. */
  master(): Promise<number>;
  stop(): Promise<void>;
}

const NAME = 'atesto';

/** Undefined where there is no server program and none can be installed. With a guard all are reached over TLS, with one password. */
export async function openRedisSentinels(dir: string, guard?: Guard): Promise<RedisSentinels | undefined> {
  if (!findRedis()) await (await startRedis()).stop();
  const folder = async (name: string) => {
    const home = path.join(dir, name);
    await mkdir(home, { recursive: true });
    return home;
  };
  const [master, replica] = [
    await openMortalRedis(await folder('a'), { keeps: true, guard }),
    await openMortalRedis(await folder('b'), { keeps: true, guard }),
  ];
  if (!master || !replica) return undefined;
  await replica.command('replicaof', '127.0.0.1', String(master.clientPort));
  const follows = async () => String(await replica.command('info', 'replication')).includes('master_link_status:up');
  await waitFor(follows, { what: 'a replica that follows' });
  const sentinels: MortalRedis[] = [];
  for (let at = 0; at < 3; at++) {
    const home = await folder(`sentinel-${at}`);
    const sentinel = path.join(home, 'sentinel.conf');
    const configuration = [
      `sentinel monitor ${NAME} 127.0.0.1 ${master.clientPort} 2`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel failover-timeout ${NAME} 5000`,
      ...(guard ? [`sentinel auth-pass ${NAME} ${guard.password}`] : []),
    ];
    await writeFile(sentinel, `${configuration.join('\n')}\n`);
    sentinels.push((await openMortalRedis(home, { sentinel, guard })) as MortalRedis);
  }
  const all = async (info: (sentinel: MortalRedis) => Promise<boolean>) =>
    (await Promise.all(sentinels.map(info))).every(Boolean);
  await waitFor(() => all(async (one) => /slaves=1,sentinels=3/.test(String(await one.command('info', 'sentinel')))), {
    what: 'three Sentinels that know each other and the replica',
  });
  return {
    url: `redis${guard ? 's' : ''}+sentinel://${guard ? `:${guard.password}@` : ''}${sentinels.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',')}/${NAME}`,
    servers: [master, replica],
    async master() {
      const address = await sentinels[0]?.command('sentinel', 'get-master-addr-by-name', NAME);
      return Number((address as [host: string, port: string])[1]);
    },
    async stop() {
      await Promise.all([...sentinels, master, replica].map((server) => server.stop()));
    },
  };
}
