import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isAlive } from './process-identity.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { findRedis } from './redis-source.ts';
import { waitFor } from './wait-for.ts';

/** Sends commands line by line and returns what comes back until the connection is quiet after the last answer. */
async function ask(url: string, ...commands: string[]): Promise<string> {
  const { hostname, port, password } = new URL(url);
  return await new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write([...(password ? [`AUTH ${password}`] : []), ...commands, 'QUIT', ''].join('\r\n'));
  });
}

describe('startRedis', { timeout: 240_000 }, () => {
  let server: RedisServer;
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), 'atesto-redistest-'));
    // Installs it on a fresh machine, hence the long time.
    server = await startRedis();
  }, 240_000);
  afterAll(async () => {
    await server?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('evicts nothing and appends to a file', async () => {
    expect(await ask(server.url, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
    if (server.source === 'environment') return;
    expect(await ask(server.url, 'CONFIG GET appendonly')).toContain('yes');
    expect(await ask(server.url, 'CONFIG GET appendfsync')).toContain('everysec');
  });

  it('keeps its data in a named folder over a kill', async (context) => {
    if (findRedis() === undefined) context.skip('no server program on this machine');
    const dataDir = path.join(scratch, 'lasting');
    const first = await startRedis({ dataDir });
    await ask(first.url, 'SET attested yes');
    process.kill(first.pid as number, 'SIGKILL');
    await waitFor(() => !isAlive(first.pid as number), { what: 'end of Redis' });
    await first.stop();
    const second = await startRedis({ dataDir });
    expect(await ask(second.url, 'GET attested')).toContain('yes');
    await second.stop();
    await second.stop();
    expect(isAlive(second.pid as number)).toBe(false);
  });

  it('asks for a password', async (context) => {
    if (server.pid === undefined) context.skip('the server is not ours');
    expect(await ask(server.url.replace(/:[^:@]*@/, ''), 'PING')).toMatch(/^-NOAUTH/);
  });

  it('uses REDIS_URL where it is given and leaves it alone', async () => {
    vi.stubEnv('REDIS_URL', server.url);
    try {
      const attached = await startRedis();
      expect(attached).toMatchObject({ url: server.url, source: 'environment', pid: undefined });
      await attached.stop();
      expect(await ask(server.url, 'PING')).toContain('+PONG');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('reports a server that does not start with the end of its log', async (context) => {
    if (server.pid === undefined) context.skip('the server is not ours');
    const { port } = new URL(server.url);
    const dataDir = path.join(scratch, 'refused');
    await expect(startRedis({ port: Number(port), dataDir })).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/bind/i),
    });
  });

  it.skipIf(process.platform === 'win32')('ends with an owner that was killed', async (context) => {
    if (findRedis() === undefined) context.skip('no server program on this machine');
    const source = `
      import { startRedis } from ${JSON.stringify(path.join(import.meta.dirname, 'redis.ts'))};
      const { pid } = await startRedis();
      process.stdout.write(pid + '\\n');
      setInterval(() => undefined, 1000);`;
    const { REDIS_URL: _, ...env } = process.env;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    for await (const line of createInterface(child.stdout)) {
      const pid = Number(line);
      expect(isAlive(pid)).toBe(true);
      child.kill('SIGKILL');
      await waitFor(() => !isAlive(pid), { what: 'end of Redis', timeoutMs: 15_000 });
      return;
    }
    expect.unreachable('the owner ended early');
  });

  it.skipIf(process.platform === 'win32')('finds valkey, and the server inside the tools', async () => {
    const folder = path.join(scratch, 'bin');
    await mkdtemp(`${folder}-`);
    const [made] = (await readdir(scratch)).filter((name) => name.startsWith('bin-'));
    const file = path.join(scratch, made as string, 'valkey-server');
    await writeFile(file, '#!/bin/sh\n');
    await chmod(file, 0o755);
    if (findRedis('')?.file.endsWith('/redis-server')) return;
    expect(findRedis(path.dirname(file))?.file).toBe(file);
  });
});
