import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './ports.ts';
import { isAlive } from './process-identity.ts';
import { openProcesses, type Processes } from './processes.ts';
import { waitFor } from './wait-for.ts';

let scratch: string;
let processes: Processes;

/** A service that does what its environment says. */
const SERVICE = `
  import { createServer } from 'node:http';
  import { appendFileSync } from 'node:fs';
  const { MODE, SERVICE_PORT = '0', MARK = '' } = process.env;
  process.on('SIGTERM', () => {
    if (MODE === 'stubborn') return;
    if (MARK) appendFileSync(MARK, process.argv[2] + '\\n');
    process.exit(0);
  });
  if (MODE === 'broken') throw new Error('no database');
  console.log('starting with', JSON.stringify(Object.keys(process.env).sort()));
  const server = createServer().listen(Number(SERVICE_PORT), '127.0.0.1', () => {
    if (MODE !== 'silent') console.log(JSON.stringify({ level: 'info', event: 'listening', port: server.address().port }));
  });`;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'atesto-proc-'));
  writeFileSync(path.join(scratch, 'service.mts'), SERVICE);
  processes = openProcesses({ logDir: path.join(scratch, 'logs') });
});
afterEach(() => processes.stopAll());
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const main = () => path.join(scratch, 'service.mts');

describe('openProcesses', { timeout: 30_000 }, () => {
  it('waits for a log event, gives its line, and ends the service politely', async () => {
    const service = await processes.start({ name: 'polite', main: main(), ready: { event: 'listening' } });
    expect(service.record).toMatchObject({ event: 'listening', port: expect.any(Number) });
    expect(isAlive(service.pid)).toBe(true);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(isAlive(service.pid)).toBe(false);
    expect(readFileSync(service.logFile, 'utf8')).toBe(service.output());
  });

  it('waits for a port, or for a line', async () => {
    const port = await freePort();
    const env = { SERVICE_PORT: String(port), MODE: 'silent' };
    await processes.start({ name: 'by-port', main: main(), env, ready: { port } });
    await processes.start({ name: 'by-line', main: main(), ready: { line: /^starting with/m } });
  });

  it('passes on settings and not our environment', async () => {
    process.env.ATESTO_LEAK = 'x';
    try {
      const env = { MODE: 'ok', ABSENT: undefined };
      const service = await processes.start({ name: 'env', main: main(), env, ready: { event: 'listening' } });
      expect(service.output()).toContain('"MODE"');
      expect(service.output()).toContain('"PATH"');
      expect(service.output()).not.toMatch(/ATESTO_LEAK|ABSENT|VITEST/);
    } finally {
      delete process.env.ATESTO_LEAK;
    }
  });

  it('tells why a service did not start', async () => {
    const broken = processes.start({
      name: 'broken',
      main: main(),
      env: { MODE: 'broken' },
      ready: { event: 'listening' },
    });
    await expect(broken).rejects.toMatchObject({
      name: 'StackError',
      kind: 'failed',
      message: expect.stringMatching(/broken ended with 1 before it was ready[\s\S]*no database/),
    });
    const silent = processes.start({
      name: 'silent',
      main: main(),
      env: { MODE: 'silent' },
      ready: { event: 'listening' },
      readyWithinMs: 500,
    });
    await expect(silent).rejects.toThrow(/silent did not become ready[\s\S]*starting with/);
  });

  it('kills one that does not listen, and one that is frozen', async () => {
    const options = { main: main(), ready: { event: 'listening' }, graceMs: 300 } as const;
    const stubborn = await processes.start({ ...options, name: 'stubborn', env: { MODE: 'stubborn' } });
    expect(await stubborn.stop()).toEqual({ code: null, signal: 'SIGKILL' });
    const frozen = await processes.start({ ...options, name: 'frozen' });
    frozen.kill('SIGSTOP');
    expect(await frozen.stop()).toEqual({ code: 0, signal: null });
  });

  it('looks at the output of this start only', async () => {
    const options = { name: 'again', main: main(), ready: { event: 'listening' } } as const;
    const first = await processes.start(options);
    first.kill('SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const env = { MODE: 'silent' };
    await expect(processes.start({ ...options, env, readyWithinMs: 500 })).rejects.toThrow(/did not become ready/);
  });

  it('ends the last first, and goes on when one fails', async () => {
    const mark = path.join(scratch, 'order');
    const note = (line: string) => writeFileSync(mark, `${line}\n`, { flag: 'a' });
    processes.onStop(async () => note('database'));
    processes.onStop(() => Promise.reject(new Error('x')));
    for (const name of ['gateway', 'workers']) {
      await processes.start({ name, main: main(), args: [name], env: { MARK: mark }, ready: { event: 'listening' } });
    }
    await Promise.all([processes.stopAll(), processes.stopAll()]);
    expect(readFileSync(mark, 'utf8')).toBe('workers\ngateway\ndatabase\n');
  });
});

describe.skipIf(process.platform === 'win32')('a program that runs services', { timeout: 30_000 }, () => {
  async function program(name: string, then = '') {
    const report = path.join(scratch, `${name}.json`);
    const source = `
      import { writeFileSync } from 'node:fs';
      import { openProcesses } from ${JSON.stringify(path.join(import.meta.dirname, 'processes.ts'))};
      const processes = openProcesses({ logDir: ${JSON.stringify(path.join(scratch, name))}, endWithUs: true });
      processes.onStop(async () => writeFileSync(${JSON.stringify(`${report}.end`)}, 'database ended'));
      const { pid } = await processes.start({ name: 'inner', main: ${JSON.stringify(main())}, ready: { event: 'listening' } });
      writeFileSync(${JSON.stringify(report)}, JSON.stringify(pid));
      ${then}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'ignore' });
    const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
    const pid = await waitFor(() => existsSync(report) && (Number(readFileSync(report, 'utf8')) || undefined), {
      what: 'start of the inner service',
    });
    return { child, exited, pid, ended: () => existsSync(`${report}.end`) };
  }

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends them in order at %s', async (signal, code) => {
    const { child, exited, pid, ended } = await program(signal);
    expect(isAlive(pid)).toBe(true);
    child.kill(signal);
    expect(await exited).toBe(code);
    expect(isAlive(pid)).toBe(false);
    expect(ended()).toBe(true);
  });

  it('ends them at an uncaught error', async () => {
    const { exited, pid, ended } = await program('thrown', `setImmediate(() => { throw new Error('x'); });`);
    expect(await exited).toBe(1);
    expect(isAlive(pid)).toBe(false);
    expect(ended()).toBe(true);
  });

  it('does not leave them behind when it is killed', async () => {
    const { child, exited, pid } = await program('killed');
    child.kill('SIGKILL');
    expect(await exited).toBe('SIGKILL');
    await waitFor(() => !isAlive(pid), { what: 'end of the inner service', timeoutMs: 10_000 });
  });
});
