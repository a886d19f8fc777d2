import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from '../stack/postgres.ts';
import { openProcesses, type Processes } from '../stack/processes.ts';

describe('workers that cannot start', () => {
  let dir: string;
  let processes: Processes;
  const occupant = createServer();
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'atesto-workers-'));
    processes = openProcesses({ logDir: path.join(dir, 'logs') });
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await processes?.stopAll();
    occupant.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('end, rather than working on without being ready', async () => {
    const postgres = await startPostgres();
    processes.onStop(() => postgres.stop());
    const starting = processes.start({
      name: 'workers',
      main: path.resolve(import.meta.dirname, '../../packages/workers/src/main.ts'),
      env: {
        DATABASE_URL: postgres.url,
        VAULT_URL: `file:${path.join(dir, 'vault')}`,
        ATESTO_STATE_DIR: path.join(dir, 'state'),
        SPID_SERVER_URL: 'http://127.0.0.1:1',
        METRICS_PORT: String((occupant.address() as AddressInfo).port),
      },
      ready: { event: 'workers-started' },
      readyWithinMs: 20_000,
    });
    await expect(starting).rejects.toThrow(/workers ended with 1 .*EADDRINUSE/s);
  });
});
