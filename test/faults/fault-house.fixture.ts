import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { resolveKeys } from '@atesto/shared/config/keys';
import type { Database } from '@atesto/shared/ledger/database';
import { openDatabase } from '@atesto/shared/ledger/database';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { createVault, type Vault } from '@atesto/shared/vault/vault';
import { type House, openHouse } from '../stack/house.ts';
import { openPlatform, type Platform } from '../stack/platform.ts';
import { freePort } from '../stack/ports.ts';
import { startPostgres } from '../stack/postgres.ts';
import { openProcesses, type Processes, type ServiceProcess } from '../stack/processes.ts';

const run = promisify(execFile);

/** The operator of every enrolment here, registered at the simulated platform. CPF from the artificial range. */
export const OPERATOR = '00001010018';

export interface FaultHouseOptions {
  /** Settings of gateway and workers. */
  env?: Record<string, string>;
  /** Makes a database on a server that the test can end; without it one on the run's own server. */
  makeDatabase?: () => Promise<string>;
  /** Milliseconds until the platform decides an enrolment; 0 by default: at the first look. */
  enrollDelayMs?: number;
}

/** The house with real processes, and everything a test needs to look behind it. */
export interface FaultHouse extends House {
  /** The ledger itself. */
  db: Database;
  databaseUrl: string;
  /** The vault that gateway and workers share. */
  vault: Vault;
  platform: Platform;
  processes: Processes;
  dir: string;
  administrator: string;
  /** Key of an upstream system, which owns every enrolment here. */
  key: string;
  /** Starts one more workers process, with the house's settings and `env` over them. */
  startWorkers(name: string, env?: Record<string, string>): Promise<ServiceProcess>;
  /** Brings the ledger's rows under the key in front, once. @returns what the program said */
  rotateKeys(): Promise<string>;
  /** Starts one more gateway, with the house's settings. */
  startGateway(name: string): Promise<{ url: string; process: ServiceProcess }>;
  close(): Promise<void>;
}

/** Short times, so that what takes minutes in production takes seconds: each is a setting. */
const QUICK = {
  TICK_MS: '100',
  SETTLE_MS: '500',
  REQUEUE_MS: '1000',
  SPID_SERVER_RATE: '1000',
  LOG_LEVEL: 'debug',
};

export async function openFaultHouse(options: FaultHouseOptions = {}): Promise<FaultHouse> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(options);
    } catch (error) {
      // Somebody else on this machine was given the port that was free a moment ago.
      if (attempt === 3 || !String(error).includes('EADDRINUSE')) throw error;
    }
  }
}

async function open(options: FaultHouseOptions): Promise<FaultHouse> {
  const dir = await mkdtemp(path.join(tmpdir(), 'atesto-faults-'));
  const processes = openProcesses({ logDir: path.join(dir, 'logs') });
  try {
    const databaseUrl = await (options.makeDatabase?.() ?? lentDatabase(processes));
    const env = { ...QUICK, ...options.env, DATABASE_URL: databaseUrl };
    const house = await openHouse({ dir, processes, enrollDelayMs: options.enrollDelayMs ?? 0, env });
    const administrator = house.administratorKey ?? '';
    const platform = openPlatform(house.spid.url);
    await platform.registerOperator(OPERATOR);
    const { key } = await house.api<{ key: string }>(administrator, 'POST', '/v1/keys', { name: 'core banking' });
    const db = openDatabase({ url: databaseUrl, max: 4 }, () => undefined);
    const shared = { VAULT_URL: `file:${path.join(dir, 'vault')}`, ATESTO_STATE_DIR: path.join(dir, 'state') };
    const workersSettings = async () => ({
      ...shared,
      SPID_SERVER_URL: house.spid.url,
      // Whoever does not know an account leaves its work in nobody's hands.
      IDCLOUD_ACCOUNTS: path.join(dir, 'idcloud-accounts.json'),
      ...env,
      METRICS_PORT: String(await freePort()),
    });
    const workersProgram = (main: string) => path.resolve(import.meta.dirname, '../../packages/workers/src', main);
    return {
      ...house,
      db,
      databaseUrl,
      vault: await openVault(dir),
      platform,
      processes,
      dir,
      administrator,
      key,
      startWorkers: async (name, more = {}) =>
        processes.start({
          name,
          main: workersProgram('main.ts'),
          env: { ...(await workersSettings()), ...more },
          ready: { event: 'workers-started' },
        }),
      async rotateKeys() {
        const env = await workersSettings();
        return (await run(process.execPath, [workersProgram('rotate-keys.ts')], { env, timeout: 20_000 })).stdout;
      },
      async startGateway(name) {
        const port = await freePort();
        const process = await processes.start({
          name,
          main: path.resolve(import.meta.dirname, '../../packages/gateway/src/main.ts'),
          env: { ...shared, SPID_SERVER_URL: house.spid.url, ...env, PORT: String(port) },
          ready: { event: 'gateway-listening' },
        });
        return { url: `http://127.0.0.1:${port}`, process };
      },
      async close() {
        await db.end();
        await processes.stopAll();
        await rm(dir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await processes.stopAll();
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function lentDatabase(processes: Processes): Promise<string> {
  const postgres = await startPostgres();
  processes.onStop(() => postgres.stop());
  return postgres.url;
}

async function openVault(dir: string): Promise<Vault> {
  const keys = await resolveKeys({ kek: undefined, indexKey: undefined }, path.join(dir, 'state'));
  const keyRing = createKeyRing(parseKeyRing(keys.kek), parseKey(keys.indexKey));
  return createVault({ keyRing, store: await createFileStore(path.join(dir, 'vault')) });
}
