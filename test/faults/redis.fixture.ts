import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Redis } from 'ioredis';
import { attachLifeline } from '../stack/lifeline.ts';
import { freePort } from '../stack/ports.ts';
import { findRedis } from '../stack/redis-source.ts';
import { waitFor } from '../stack/wait-for.ts';

/** A Redis that can be killed and comes back under the same URL: empty, because it keeps nothing on disk. */
export interface MortalRedis {
  url: string;
  /** FLUSHALL. */
  flush(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Undefined where there is no server program; `startRedis` of the stack installs one. */
export async function openMortalRedis(dir: string): Promise<MortalRedis | undefined> {
  const program = findRedis();
  if (!program) return undefined;
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server: ReturnType<typeof launch> | undefined;
  const redis: MortalRedis = {
    url,
    async flush() {
      const client = new Redis(url);
      await client.flushall();
      client.disconnect();
    },
    async kill() {
      server?.child.kill('SIGKILL');
      await server?.gone;
      server = undefined;
    },
    async start() {
      server = launch(program.file, dir, port);
      const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
      client.on('error', () => undefined);
      await waitFor(async () => (await client.ping()) === 'PONG', { what: 'an answer of Redis' });
      client.disconnect();
    },
    stop: () => redis.kill(),
  };
  await redis.start();
  return redis;
}

function launch(file: string, dir: string, port: number) {
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'];
  // The server is also in a program of another name, which looks at its own name.
  const child = spawn(file, [...args, '--dir', path.resolve(dir)], { argv0: 'redis-server', stdio: 'ignore' });
  const gone = once(child, 'exit');
  const lifeline = attachLifeline({ pid: child.pid as number, signal: 'TERM' });
  void gone.then(() => lifeline.release());
  return { child, gone };
}
