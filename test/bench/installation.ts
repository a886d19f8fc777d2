import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { loadOrCreateKeys } from '@atesto/shared/config/keys';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import { type Database, migrate, openDatabase } from '@atesto/shared/ledger/database';
import { ensureSubject } from '@atesto/shared/ledger/subjects';
import type { AcceptedTransaction, TransactionRow } from '@atesto/shared/ledger/transactions';
import { queuesOf } from '@atesto/shared/queues/jobs';
import { openQueues, type WorkQueues } from '@atesto/shared/queues/queues';
import { sealCpf } from '@atesto/shared/vault/cpf-column';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { createVault, type Vault } from '@atesto/shared/vault/vault';
import { freePort } from '../stack/ports.ts';
import type { Processes, ServiceProcess } from '../stack/processes.ts';
import { OPERATOR, SOMEBODY } from './bodies.ts';

/** Longer than a bench: the sweep runs as always and leaves alone what has a job. */
export const LATER_MS = 3_600_000;

export interface InstallationOptions {
  /** A folder of its own. */
  dir: string;
  /** An empty database. */
  database: string;
  /** For the queue; left out, it is in the database. */
  redis?: string;
  processes: Processes;
  /** The platform, as settings. */
  env: Readonly<Record<string, string>>;
  /** IDCloud accounts whose queues are filled. */
  accounts?: readonly string[];
}

type SealedBody = Pick<AcceptedTransaction, 'payload' | 'payloadBytes' | 'wrappedKey'>;

export interface Gateway {
  url: string;
  /** The administrator's. */
  key: string;
  process: ServiceProcess;
}

/** Keys, ledger, vault and queue of one installation, filled as the gateway fills them; its services are started as they run. */
export interface Installation {
  db: Database;
  queues: WorkQueues;
  vault: Vault;
  seal(body: Buffer): Promise<SealedBody>;
  /** An enrolment, unless `facts` say otherwise. It is not put in line. */
  accept(sealed: SealedBody, facts?: Partial<AcceptedTransaction>): Promise<TransactionRow>;
  startWorkers(settings?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  startGateway(settings?: Readonly<Record<string, string>>): Promise<Gateway>;
  close(): Promise<void>;
}

export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { dir, database, redis, processes, accounts = [] } = options;
  const stateDir = path.join(dir, 'state');
  const vaultDir = path.join(dir, 'vault');
  await mkdir(stateDir, { recursive: true });
  const keys = await loadOrCreateKeys(stateDir);
  const keyRing = createKeyRing(parseKeyRing(keys.kek), parseKey(keys.indexKey));
  const fail = (error: unknown) => console.error(String(error));
  await migrate(database);
  const db = openDatabase({ url: database, max: 10 }, fail);
  const vault = createVault({ keyRing, store: await createFileStore(vaultDir) });
  const queues = openQueues(
    redis === undefined ? { kind: 'postgres', url: database } : { kind: 'redis', url: redis },
    queuesOf(accounts.map((name) => ({ name }))),
    fail,
    // As a gateway that knows of no rate.
    { grouped: options.env.SPID_SERVER_RATE === '0' ? ['spid'] : [] },
  );
  const [subject, operator] = await Promise.all(
    [SOMEBODY, OPERATOR].map((cpf) => ensureSubject(db, sealCpf(keyRing, cpf as Cpf))),
  );
  const owner = randomUUID();
  const env = {
    DATABASE_URL: database,
    ...(redis === undefined ? {} : { REDIS_URL: redis }),
    VAULT_URL: `file:${vaultDir}`,
    ATESTO_STATE_DIR: stateDir,
    LOG_LEVEL: 'info',
    ...options.env,
  };
  const name = path.basename(dir);
  const main = (service: string) => path.resolve(import.meta.dirname, `../../packages/${service}/src/main.ts`);
  let started = 0;

  return {
    db,
    queues,
    vault,
    async seal(body) {
      const payload = randomUUID();
      const { wrappedKey, bytes } = await vault.put(payload, [body]);
      return { payload, payloadBytes: bytes, wrappedKey };
    },
    async accept(sealed, facts = {}) {
      const result = await acceptTransaction(db, {
        id: randomUUID(),
        owner,
        kind: 'spid.enroll',
        subject,
        operator,
        operatorVerification: 'verified',
        capturedAt: new Date(),
        requestMac: randomBytes(32),
        dueInMs: LATER_MS,
        ...sealed,
        ...facts,
      });
      if (result.kind !== 'accepted') throw new Error(`not accepted: ${result.kind}`);
      return result.transaction;
    },
    startWorkers: (settings) =>
      processes.start({
        name: `${name}-workers-${++started}`,
        main: main('workers'),
        env: { ...env, METRICS_PORT: '0', ...settings },
        ready: { event: 'workers-started' },
      }),
    async startGateway(settings) {
      const port = await freePort();
      const gateway = await processes.start({
        name: `${name}-gateway`,
        main: main('gateway'),
        env: { ...env, PORT: String(port), ...settings },
        ready: { event: 'gateway-listening' },
      });
      const key = /Administrator key, shown this once: (\S+)/.exec(gateway.output())?.[1];
      if (key === undefined) throw new Error('the gateway showed no key');
      return { url: `http://127.0.0.1:${port}`, key, process: gateway };
    },
    async close() {
      await queues.close();
      await db.end();
    },
  };
}
