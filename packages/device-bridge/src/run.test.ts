import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeGateway } from './link/fake-gateway.fixture.ts';
import { runBridge } from './run.ts';
import { FakeReaders } from './session/fake-readers.fixture.ts';

let gateway: FakeGateway;
let folder: string;
let environment: Record<string, string>;
let complaints: string;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

beforeEach(async () => {
  gateway = await new FakeGateway().start();
  gateway.codes.add('CODE-1');
  folder = mkdtempSync(join(tmpdir(), 'atesto-run-'));
  environment = {
    PORT: String(await freePort()),
    GATEWAY_URL: gateway.url,
    ATESTO_STATE_DIR: join(folder, 'state'),
    LOG_LEVEL: 'silent',
  };
  complaints = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += text;
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts, looks, stops. */
async function runOnce(extra: Record<string, string> = {}): Promise<number> {
  const stop = new AbortController();
  return runBridge(
    { ...environment, ...extra },
    {
      transport: new FakeReaders(),
      stop: stop.signal,
      onStarted: ({ url }) => {
        void request(`${url}/healthz`).then(({ statusCode }) => {
          if (statusCode === 204) stop.abort();
        });
      },
    },
  );
}

describe('the service', () => {
  it('enrols with its code at the first start, and needs none later', async () => {
    expect(await runOnce()).toBe(1);
    expect(complaints).toContain('ENROLMENT_CODE');
    expect(await runOnce({ ENROLMENT_CODE: 'WRONG' })).toBe(1);
    expect(complaints).not.toContain('WRONG');
    expect(await runOnce({ ENROLMENT_CODE: 'CODE-1' })).toBe(0);
    expect(await runOnce()).toBe(0);
    for (const name of ['station.key', 'outbox.sqlite', 'keys.json'])
      if (process.platform !== 'win32') expect(statSync(join(folder, 'state', name)).mode & 0o077, name).toBe(0);
  });

  it('says which setting is wrong, and that the port is taken', async () => {
    expect(await runOnce({ GATEWAY_URL: 'not a url' })).toBe(1);
    expect(complaints).toContain('GATEWAY_URL');
    const SPID_PROFILE = join(folder, 'profile.json');
    writeFileSync(SPID_PROFILE, '{"services":{"login":{"method":"POST"}}}');
    expect(await runOnce({ SPID_PROFILE })).toBe(1);
    expect(complaints).toContain('SPID_PROFILE: services.login: its route is published');
    const other = createServer().listen(Number(environment.PORT), '127.0.0.1');
    await once(other, 'listening');
    expect(await runOnce({ ENROLMENT_CODE: 'CODE-1' })).toBe(1);
    expect(complaints).toContain('PORT: another program listens on it');
    other.close();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('as a process with the real bus ends cleanly on %s', async (signal) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
      env: { ...process.env, ...environment, LOG_LEVEL: 'info', ENROLMENT_CODE: 'CODE-1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const events: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      const { event } = JSON.parse(line);
      events.push(event);
      if (event === 'bridge-started') child.kill(signal);
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
    expect(events).toContain('station-enrolled');
    expect(events.indexOf('bridge-stopping')).toBeGreaterThan(events.indexOf('bridge-started'));
  });
});
