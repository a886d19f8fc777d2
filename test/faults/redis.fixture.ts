import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Redis } from 'ioredis';
import type { Certificate } from '../stack/certificates.ts';
import { attachLifeline } from '../stack/lifeline.ts';
import { freePort } from '../stack/ports.ts';
import { findRedis } from '../stack/redis-source.ts';
import { waitFor } from '../stack/wait-for.ts';

/** A Redis that can be killed and comes back under the same URL: empty, unless it keeps an append-only file. */
export interface MortalRedis {
  url: string;
  port: number;
  /** For clients and other servers: that of TLS where it has a guard. */
  clientPort: number;
  /** FLUSHALL. */
  flush(): Promise<void>;
  /** Any command of an administrator. */
  command(name: string, ...args: string[]): Promise<unknown>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** It listens with TLS too, speaks so with others of its kind, and asks everybody for the password. */
export interface Guard {
  certificate: Certificate;
  password: string;
}

export interface MortalRedisOptions {
  /** True for an append-only file in `dir`, written to disk every second as in production. */
  keeps?: boolean;
  /** More of the server's command line. */
  args?: readonly string[];
  guard?: Guard | undefined;
  /** Sentinel of this configuration file, which it rewrites. */
  sentinel?: string;
}

/** Undefined where there is no server program; `startRedis` of the stack installs one. */
export async function openMortalRedis(dir: string, options: MortalRedisOptions = {}): Promise<MortalRedis | undefined> {
  const program = findRedis();
  if (!program) return undefined;
  const port = await freePort();
  const { guard } = options;
  const url = `redis://${guard ? `:${guard.password}@` : ''}127.0.0.1:${port}`;
  const tlsPort = guard && (await freePort());
  const args = [...(options.args ?? []), ...(guard ? guardArgs(guard, tlsPort as number) : [])];
  let server: ReturnType<typeof launch> | undefined;
  const redis: MortalRedis = {
    url,
    port,
    clientPort: tlsPort ?? port,
    flush: async () => void (await redis.command('flushall')),
    async command(name, ...args) {
      const client = new Redis(url, { maxRetriesPerRequest: 1 });
      client.on('error', () => undefined);
      try {
        return await client.call(name, ...args);
      } finally {
        client.disconnect();
      }
    },
    async kill() {
      server?.child.kill('SIGKILL');
      await server?.gone;
      server = undefined;
    },
    async start() {
      server = launch(program.file, dir, port, { ...options, args });
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

function guardArgs({ certificate: { certificate, key }, password }: Guard, port: number): string[] {
  return [
    ...['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key],
    ...['--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no', '--tls-replication', 'yes'],
    ...['--tls-cluster', 'yes', '--requirepass', password, '--masterauth', password],
  ];
}

function launch(file: string, dir: string, port: number, { keeps = false, args = [], sentinel }: MortalRedisOptions) {
  const common = ['--bind', '127.0.0.1', '--port', String(port), '--dir', path.resolve(dir), ...args];
  const queue = ['--save', '', '--appendonly', keeps ? 'yes' : 'no'];
  // The server is also in a program of another name, which looks at its own name.
  const child = spawn(file, sentinel ? [sentinel, '--sentinel', ...common] : [...common, ...queue], {
    argv0: 'redis-server',
    stdio: 'ignore',
  });
  const gone = once(child, 'exit');
  const lifeline = attachLifeline({ pid: child.pid as number, signal: 'TERM' });
  void gone.then(() => lifeline.release());
  return { child, gone };
}
