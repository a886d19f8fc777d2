import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attachLifeline } from './lifeline.ts';
import { freePort } from './ports.ts';
import { startRedisContainer } from './redis-container.ts';
import { findRedis, installRedis } from './redis-source.ts';
import { StackError } from './stack-error.ts';
import { waitFor } from './wait-for.ts';

export interface RedisOptions {
  /** Keeps its append-only file here between starts. Without it: a temporary folder, gone at the end. */
  dataDir?: string;
  /** Loopback port; a free one by default. */
  port?: number;
  /** Told what is done to get a server. Default: standard error. */
  report?: (line: string) => void;
}

export interface RedisServer {
  readonly url: string;
  /** Where it came from: `REDIS_URL`, a program on this machine, a container, an installation. */
  readonly source: 'environment' | 'path' | 'docker' | 'apt';
  /** Of a process that was started here. */
  readonly pid: number | undefined;
  /** Ends what was started here. Can be called twice. */
  stop(): Promise<void>;
}

/**
 * A Redis as BullMQ needs it: nothing is evicted, an append-only file every second. In this order: `REDIS_URL`, a
 * server program on this machine, Docker, and as root on Debian the package. A process started here ends with this one.
 * @throws StackError `missing` with what to install, `failed` when it does not start
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const given = process.env.REDIS_URL;
  if (given && options.dataDir === undefined && options.port === undefined) {
    await waitFor(() => answersPing(given), { what: 'an answer of the Redis of REDIS_URL', timeoutMs: 10_000 });
    return { url: given, source: 'environment', pid: undefined, stop: async () => undefined };
  }
  const report = options.report ?? ((line: string) => console.error(line));
  const program = findRedis();
  if (program !== undefined) return await startProgram(program.file, program.source, options);
  const container = await startRedisContainer(options.port);
  if (container !== undefined) return { ...container, source: 'docker', pid: undefined };
  const installed = await installRedis(report);
  if (installed !== undefined) return await startProgram(installed.file, installed.source, options);
  throw new StackError(
    'missing',
    'No Redis: set REDIS_URL, or install redis-server or valkey-server (Debian: apt-get install -y redis-server, ' +
      'macOS: brew install valkey), or start Docker.',
  );
}

async function startProgram(file: string, source: 'path' | 'apt', options: RedisOptions): Promise<RedisServer> {
  const temporary = options.dataDir === undefined;
  const dir = path.resolve(options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'atesto-redis-'))));
  await mkdir(dir, { recursive: true });
  const password = randomBytes(18).toString('base64url');
  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const url = `redis://:${password}@127.0.0.1:${port}`;
    const child = spawnRedis(file, { port, dir, password });
    if (await isReady(child, url)) return serving(child, { url, source, dir, temporary });
    if (attempt < attempts) continue;
    const log = await readFile(path.join(dir, 'redis.log'), 'utf8').catch(() => '');
    if (temporary) await rm(dir, { recursive: true, force: true });
    throw new StackError('failed', `Redis on port ${port} did not start: ${log.slice(-2000)}`);
  }
}

function serving(
  child: ChildProcess,
  { url, source, dir, temporary }: { url: string; source: 'path' | 'apt'; dir: string; temporary: boolean },
): RedisServer {
  const pid = child.pid as number;
  const lifeline = attachLifeline({ pid, signal: 'TERM', ...(temporary && { removeAfter: dir }) });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  void ended.then(() => lifeline.release());
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    }
    lifeline.release();
    if (temporary) await rm(dir, { recursive: true, force: true });
  };
  return { url, source, pid, stop: () => (stopping ??= stop()) };
}

function spawnRedis(file: string, { port, dir, password }: { port: number; dir: string; password: string }) {
  const output = openSync(path.join(dir, 'redis.log'), 'a', 0o600);
  // Its own session: Ctrl-C in a terminal must not end it before the services that use it.
  const child = spawn(file, ['-'], {
    argv0: 'redis-server',
    stdio: ['pipe', output, output],
    detached: process.platform !== 'win32',
    cwd: dir,
  });
  child.once('error', () => undefined);
  child.unref();
  const configuration = [
    'bind 127.0.0.1',
    `port ${port}`,
    // On standard input and not on the command line, where everyone on the machine reads it.
    `requirepass ${password}`,
    'save ""',
    'appendonly yes',
    'appendfsync everysec',
    'maxmemory-policy noeviction',
    'daemonize no',
  ];
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(`${configuration.join('\n')}\n`);
  return child;
}

async function isReady(child: ChildProcess, url: string): Promise<boolean> {
  const state = await waitFor(
    async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return 'ended';
      return (await answersPing(url)) ? 'ready' : undefined;
    },
    { what: 'Redis ready for connections' },
  );
  return state === 'ready';
}

/** True when a server answers PING. Over TLS it only has to take the connection. */
async function answersPing(url: string): Promise<boolean> {
  const { hostname, port, username, password, protocol } = new URL(url);
  return await new Promise((resolve) => {
    const socket = connect(Number(port || 6379), hostname.replace(/^\[|]$/g, '') || '127.0.0.1');
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
    socket.on('connect', () => {
      if (protocol === 'rediss:') return done(true);
      const user = username ? `${decodeURIComponent(username)} ` : '';
      socket.write(`${password ? `AUTH ${user}${decodeURIComponent(password)}\r\n` : ''}PING\r\n`);
    });
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('+PONG')) done(true);
      else if (answer.includes('-')) done(false);
    });
  });
}
