import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDatabase } from '@atesto/shared/ledger/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from '../stack/postgres.ts';
import { openProcesses, type Processes } from '../stack/processes.ts';

describe('a service that cannot be what its settings say', () => {
  let dir: string;
  let processes: Processes;
  const occupant = createServer();
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'atesto-start-'));
    processes = openProcesses({ logDir: path.join(dir, 'logs') });
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await processes?.stopAll();
    occupant.close();
    await rm(dir, { recursive: true, force: true });
  });

  it.each([
    { name: 'workers', setting: 'METRICS_PORT', event: 'workers-started' },
    { name: 'gateway', setting: 'PORT', event: 'gateway-listening' },
  ])(
    'ends where its port is taken, rather than working on without being ready: $name',
    async ({ name, setting, event }) => {
      const postgres = await startPostgres();
      processes.onStop(() => postgres.stop());
      const starting = processes.start({
        name,
        main: path.resolve(import.meta.dirname, `../../packages/${name}/src/main.ts`),
        env: {
          DATABASE_URL: postgres.url,
          VAULT_URL: `file:${path.join(dir, 'vault')}`,
          ATESTO_STATE_DIR: path.join(dir, 'state'),
          SPID_SERVER_URL: 'http://127.0.0.1:1',
          [setting]: String((occupant.address() as AddressInfo).port),
        },
        ready: { event },
        readyWithinMs: 20_000,
      });
      await expect(starting).rejects.toThrow(/ended with 1 .*EADDRINUSE/s);
    },
  );

  it.each(['gateway', 'workers'])('ends where PostgreSQL has no connection left, and says so: %s', async (name) => {
    const settings = { max_connections: '8', superuser_reserved_connections: '0', reserved_connections: '0' };
    const postgres = await startPostgres({ fsync: false, settings });
    processes.onStop(() => postgres.stop());
    const hog = openDatabase({ url: postgres.url, max: 20 }, () => undefined);
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => hog.connect()));
    const starting = processes.start({
      name: `${name}-without-connection`,
      main: path.resolve(import.meta.dirname, `../../packages/${name}/src/main.ts`),
      env: {
        DATABASE_URL: postgres.url,
        VAULT_URL: `file:${path.join(dir, 'vault')}`,
        ATESTO_STATE_DIR: path.join(dir, 'state'),
        SPID_SERVER_URL: 'http://127.0.0.1:1',
      },
      ready: { event: 'never' },
      readyWithinMs: 20_000,
    });
    await expect(starting).rejects.toThrow(/ended with 1 .*could not start: .*too-many-connections/s);
    for (const one of all) if (one.status === 'fulfilled') one.value.release(true);
    await hog.end();
  });

  it.each(['gateway', 'workers'])(
    'ends where its SPID profile cannot be used, and says what in it: %s',
    async (name) => {
      const SPID_PROFILE = path.join(dir, 'profile.json');
      await writeFile(SPID_PROFILE, '{"server":{"enroll":{"method":"PUT"}},"statuses":{"ENROLL_DONE":"match"}}');
      const starting = processes.start({
        name: `${name}-profile`,
        main: path.resolve(import.meta.dirname, `../../packages/${name}/src/main.ts`),
        env: { DATABASE_URL: 'postgres://127.0.0.1:1/none', SPID_SERVER_URL: 'http://127.0.0.1:1', SPID_PROFILE },
        ready: { event: 'never' },
        readyWithinMs: 20_000,
      });
      const places = [
        'server\\.enroll: its route is published',
        'statuses\\.ENROLL_DONE: only SEARCH_MATCH is a match',
      ];
      const expected = places.map((place) => `SPID_PROFILE: ${place}\n`).join('');
      await expect(starting).rejects.toThrow(new RegExp(`ended with 1 [^]*\n${expected}`));
    },
  );
});
