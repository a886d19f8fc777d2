import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { attachLifeline } from './lifeline.ts';
import { freePort } from './ports.ts';
import { quoted, runSql } from './postgres-admin.ts';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';
import { type ClusterFolder, prepareFolder, releaseFolder } from './postgres-folder.ts';
import { StackError } from './stack-error.ts';
import { waitFor } from './wait-for.ts';

export interface PostgresOptions {
  /** Keeps its data here between runs (`npm start`: `.atesto/postgres`). Without it: a temporary folder, gone at the end. */
  dataDir?: string;
  /** Loopback port; a free one by default. */
  port?: number;
  /** Default true: commits are on disk, as in production. False only where a test needs speed and proves nothing about loss. */
  fsync?: boolean;
  /** Additional server settings, such as `{ max_connections: '50' }`. */
  settings?: Record<string, string>;
}

export interface CreateDatabaseOptions {
  /** Default: a random name. */
  name?: string;
  /** A database to copy, for instance one with the migrations in it; nobody may be connected to it. */
  template?: string;
}

export interface Postgres {
  /** Connection string of the database `atesto`, which exists. */
  readonly url: string;
  /** Of a server that was started here; undefined when `ATESTO_TEST_POSTGRES_URL` lent one. */
  readonly pid: number | undefined;
  /** Where the server's folder and its `postgres.log` are; undefined when it is lent. */
  readonly home: string | undefined;
  /** Makes a database and returns its connection string. */
  createDatabase(options?: CreateDatabaseOptions): Promise<string>;
  /** Drops a database, whoever is connected to it. */
  dropDatabase(url: string): Promise<void>;
  /** Ends the server within ten seconds; a temporary one leaves nothing behind. Can be called twice. */
  stop(): Promise<void>;
}

/**
 * A real PostgreSQL from the npm registry on a loopback port, as root or not. It ends with this process however that
 * ends; where even that failed, the next start on the same folder ends it.
 *
 * When `ATESTO_TEST_POSTGRES_URL` is set (vitest's global set-up does) and no folder is asked for, databases are made
 * on that server instead and `stop` drops them.
 * @throws StackError `missing` without binaries, `in-use` when a live process holds `dataDir`, `failed` otherwise
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const lent = process.env.ATESTO_TEST_POSTGRES_URL;
  const wantsOwn = options.dataDir ?? options.port ?? options.fsync ?? options.settings;
  if (lent !== undefined && wantsOwn === undefined) return await borrow(lent);

  const binaries = await findPostgres();
  const folder = await prepareFolder(binaries, options.dataDir);
  const temporary = options.dataDir === undefined;
  try {
    const { child, port } = await launch(binaries, folder, options);
    return await served(child, port, folder, temporary);
  } catch (error) {
    await releaseFolder(folder.home, temporary);
    throw error;
  }
}

async function served(child: ChildProcess, port: number, folder: ClusterFolder, temporary: boolean): Promise<Postgres> {
  const pid = child.pid as number;
  const lifeline = attachLifeline({ pid, signal: 'INT', ...(temporary && { removeAfter: folder.home }) });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.exitCode !== null) lifeline.release();
  void ended.then(() => lifeline.release());
  const admin = `postgresql://atesto:${encodeURIComponent(folder.password)}@127.0.0.1:${port}/postgres`;
  const url = withDatabase(admin, 'atesto');
  const existing = await runSql(admin, `select from pg_database where datname = 'atesto'`);
  if (existing.length === 0) await runSql(admin, 'create database atesto');
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGQUIT'), 10_000);
      await ended;
      clearTimeout(timer);
    }
    lifeline.release();
    await releaseFolder(folder.home, temporary);
  };
  return {
    url,
    pid,
    home: folder.home,
    createDatabase: (wanted) => createDatabase(admin, wanted),
    dropDatabase: (target) => dropDatabase(admin, target),
    stop: () => (stopping ??= stop()),
  };
}

async function borrow(url: string): Promise<Postgres> {
  const made: string[] = [];
  const create = async (wanted?: CreateDatabaseOptions) => {
    const database = await createDatabase(url, wanted);
    made.push(database);
    return database;
  };
  const own = await create();
  return {
    url: own,
    pid: undefined,
    home: undefined,
    createDatabase: create,
    dropDatabase: (target) => dropDatabase(url, target),
    stop: async () => {
      for (const database of made.splice(0)) await dropDatabase(url, database);
    },
  };
}

async function createDatabase(admin: string, { name, template }: CreateDatabaseOptions = {}): Promise<string> {
  const database = name ?? `t_${randomBytes(6).toString('hex')}`;
  await runSql(admin, `create database ${quoted(database)}${template ? ` template ${quoted(template)}` : ''}`);
  return withDatabase(admin, database);
}

async function dropDatabase(admin: string, url: string): Promise<void> {
  const database = decodeURIComponent(new URL(url).pathname.slice(1));
  await runSql(admin, `drop database if exists ${quoted(database)} with (force)`);
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}

/** Starts the server and waits until it takes connections; on a port of our choice, again when that was taken. */
async function launch(
  binaries: PostgresBinaries,
  folder: ClusterFolder,
  options: PostgresOptions,
): Promise<{ child: ChildProcess; port: number }> {
  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const child = spawnServer(binaries, folder, port, options);
    if (await isReady(child, folder.data)) return { child, port };
    if (attempt < attempts) continue;
    const log = await readFile(folder.log, 'utf8').catch(() => '');
    throw new StackError('failed', `PostgreSQL on port ${port} did not start: ${log.slice(-2000)}`);
  }
}

function spawnServer(
  binaries: PostgresBinaries,
  { data, log }: ClusterFolder,
  port: number,
  { fsync = true, settings }: PostgresOptions,
): ChildProcess {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    // A socket's path may be no longer than 107 bytes, a temporary folder's can be.
    unix_socket_directories: '',
    max_connections: '200',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(fsync ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
    ...settings,
  };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // A file and not a pipe: the server outlives a reader that was killed, and must not block or die of it.
  const output = openSync(log, 'a', 0o600);
  try {
    // Its own session: Ctrl-C in a terminal must not end it before the services that drain into it.
    const child = spawn(binaries.postgres, ['-D', data, '-p', String(port), ...flags], {
      ...binaries.account,
      stdio: ['ignore', output, output],
      detached: process.platform !== 'win32',
      windowsHide: true,
      cwd: path.parse(data).root,
      env: { ...process.env, LC_ALL: 'C' },
    });
    child.unref();
    child.once('error', () => undefined);
    return child;
  } finally {
    closeSync(output);
  }
}

/** The server writes its state into the lock file's eighth line; `pg_ctl` waits for the same. */
async function isReady(child: ChildProcess, data: string): Promise<boolean> {
  const state = await waitFor(
    async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return 'ended';
      const lines = (await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
      return lines[0] === String(child.pid) && lines[7]?.trim() === 'ready' ? 'ready' : undefined;
    },
    { what: 'PostgreSQL ready for connections', timeoutMs: 60_000 },
  );
  return state === 'ready';
}
