import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from './postgres.ts';
import { runSql } from './postgres-admin.ts';
import { isAlive } from './process-identity.ts';
import { skipBecause } from './skip.ts';
import { waitFor } from './wait-for.ts';

const here = import.meta.dirname;
let scratch: string;
const lent = process.env.ATESTO_TEST_POSTGRES_URL;

beforeAll(async () => {
  // These tests are about servers of their own.
  delete process.env.ATESTO_TEST_POSTGRES_URL;
  scratch = await mkdtemp(path.join(tmpdir(), 'atesto-pgtest-'));
  // Readable by the account that the server runs under when the tests run as root.
  await chmod(scratch, 0o777);
});
afterAll(() => {
  if (lent !== undefined) process.env.ATESTO_TEST_POSTGRES_URL = lent;
  rmSync(scratch, { recursive: true, force: true });
});

/** A process that starts PostgreSQL and stays; resolves with what it printed about the server. */
async function owner(options: object, as: { uid?: number; gid?: number } = {}) {
  const source = `
    import { startPostgres } from ${JSON.stringify(path.join(here, 'postgres.ts'))};
    const { pid, home, url } = await startPostgres(${JSON.stringify(options)});
    process.stdout.write(JSON.stringify({ pid, home, url }) + '\\n');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    ...as,
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: here,
  });
  for await (const line of createInterface(child.stdout)) {
    return { child, ...(JSON.parse(line) as { pid: number; home: string; url: string }) };
  }
  throw new Error('the owner ended early');
}

/** The folder on the way to a file that only its owner may enter, as root's home is. */
async function closedToOthers(file: string): Promise<string | undefined> {
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return folder;
  }
  return undefined;
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** The shell that would end the server when its owner is gone. */
function lifelineOf(pid: number): number | undefined {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (words[3] === 'atesto-lifeline' && words[4] === String(pid)) return Number(name);
    } catch {
      // It ended while we looked.
    }
  }
  return undefined;
}

describe('startPostgres', { timeout: 60_000 }, () => {
  it('starts a durable server, makes and clones databases, and leaves nothing behind', async () => {
    const postgres = await startPostgres();
    const [row] = await runSql(postgres.url, `select current_setting('fsync') as fsync, version() as version`);
    expect(row).toMatchObject({ fsync: 'on', version: expect.stringContaining('PostgreSQL 18') });

    const model = await postgres.createDatabase({ name: 'model of all' });
    await runSql(model, `create table word as select 'enroll' as it`);
    const copy = await postgres.createDatabase({ template: 'model of all' });
    expect(await runSql(copy, 'select it from word')).toEqual([{ it: 'enroll' }]);
    await postgres.dropDatabase(copy);
    await expect(runSql(copy, 'select 1')).rejects.toThrow(/does not exist/);

    await postgres.stop();
    await postgres.stop();
    expect(isAlive(postgres.pid as number)).toBe(false);
    expect(existsSync(postgres.home as string)).toBe(false);
  });

  it('keeps the data of a named folder and clears one that was made half', async () => {
    const dataDir = path.join(scratch, 'lasting');
    await mkdir(path.join(dataDir, 'data', 'base'), { recursive: true });
    await writeFile(path.join(dataDir, 'data', 'PG_VERSION'), '18\n');
    const first = await startPostgres({ dataDir });
    await runSql(first.url, 'create table kept (n int)');
    await expect(startPostgres({ dataDir })).rejects.toMatchObject({ name: 'StackError', kind: 'in-use' });
    await first.stop();
    const second = await startPostgres({ dataDir });
    expect(await runSql(second.url, 'select * from kept')).toEqual([]);
    await second.stop();
  });

  it('refuses the folder of another major version by name', async () => {
    const dataDir = path.join(scratch, 'older');
    await mkdir(path.join(dataDir, 'data', 'global'), { recursive: true });
    await writeFile(path.join(dataDir, 'data', 'PG_VERSION'), '15\n');
    await writeFile(path.join(dataDir, 'data', 'global', 'pg_control'), 'x');
    await expect(startPostgres({ dataDir })).rejects.toThrow(/made by PostgreSQL 15/);
  });

  it('makes databases on a lent server and drops them at the end', async () => {
    const lender = await startPostgres({ fsync: false });
    process.env.ATESTO_TEST_POSTGRES_URL = lender.url;
    try {
      const borrowed = await startPostgres();
      expect(borrowed.pid).toBeUndefined();
      await runSql(borrowed.url, 'create table mine ()');
      await borrowed.stop();
      await expect(runSql(borrowed.url, 'select 1')).rejects.toThrow(/does not exist/);
    } finally {
      delete process.env.ATESTO_TEST_POSTGRES_URL;
      await lender.stop();
    }
  });

  it.skipIf(process.platform === 'win32')('ends with an owner that was killed, and its folder goes too', async () => {
    const { child, pid, home } = await owner({});
    expect(isAlive(pid)).toBe(true);
    await killed(child);
    await waitFor(() => !isAlive(pid), { what: 'end of the server', timeoutMs: 10_000 });
    await waitFor(() => !existsSync(home), { what: 'removal of its folder', timeoutMs: 10_000 });
  });

  it.skipIf(process.platform !== 'linux')('ends what an owner left whose lifeline was killed with it', async () => {
    const dataDir = path.join(scratch, 'orphaned');
    const { child, pid, url } = await owner({ dataDir });
    await runSql(url, 'create table committed (n int)');
    process.kill(lifelineOf(pid) as number, 'SIGKILL');
    await killed(child);
    expect(isAlive(pid)).toBe(true);
    const next = await startPostgres({ dataDir });
    expect(isAlive(pid)).toBe(false);
    expect(await runSql(next.url, 'select * from committed')).toEqual([]);
    await next.stop();
  });

  it('runs as a normal user as well', async (context) => {
    if (process.getuid?.() !== 0) skipBecause(context, 'only root can become somebody else, and this run is no root’s');
    const closed = await closedToOthers(process.execPath);
    if (closed) skipBecause(context, `somebody else cannot reach this checkout: ${closed} is closed to them`);
    const { child, pid, home } = await owner({}, { uid: 65534, gid: 65534 });
    expect(isAlive(pid)).toBe(true);
    await killed(child);
    await waitFor(() => !existsSync(home), { what: 'removal of its folder', timeoutMs: 10_000 });
  });
});
