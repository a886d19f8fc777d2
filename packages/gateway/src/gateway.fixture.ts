import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { NewTransaction } from '@atesto/shared/contracts/gateway';
import type { IdcloudAccount } from '@atesto/shared/contracts/idcloud-accounts';
import { defaultSpidTables } from '@atesto/shared/contracts/spid-profile';
import { transactionKinds } from '@atesto/shared/domain/transaction';
import type { IssuedKey } from '@atesto/shared/ledger/credentials';
import {
  bootstrapAdministrator,
  issueEnrolment,
  issueSystemKey,
  redeemEnrolment,
} from '@atesto/shared/ledger/credentials';
import { migrate, openDatabase } from '@atesto/shared/ledger/database';
import { openTransactionFeed } from '@atesto/shared/ledger/notifications';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { queuesOf } from '@atesto/shared/queues/jobs';
import { openQueues } from '@atesto/shared/queues/queues';
import { createGatewayMetrics } from '@atesto/shared/telemetry/gateway-metrics';
import { createLog } from '@atesto/shared/telemetry/log';
import { createMetrics } from '@atesto/shared/telemetry/metrics';
import { createSpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault } from '@atesto/shared/vault/vault';
import type { SpidServerSimulator, SpidServerSimulatorOptions } from '@atesto/simulators/spid-server/simulator';
import { createSpidServerSimulator } from '@atesto/simulators/spid-server/simulator';
import { startPostgres } from '../../../test/stack/postgres.ts';
import { createPictureAdviser } from './advice/picture-adviser.ts';
import { buildGateway } from './app.ts';
import type { GatewayContext } from './gateway-context.ts';
import { pngOf } from './intake/pictures.fixture.ts';
import { ledgerInGroups } from './ledger-in-groups.ts';
import { StationLinks } from './link/station-links.ts';
import { problems } from './problem.ts';

/** Capability key that callers of the IDCloud face name in tests. */
export const IDCLOUD_KEY = 'capability-key';
/** No worker works here; what is read live, a test answers (`context.idcloud`). */
export const idcloudAccount: IdcloudAccount = {
  name: 'idcloud',
  clientUrl: 'http://127.0.0.1:9',
  unicoUrl: 'http://127.0.0.1:9',
  signUrl: 'http://127.0.0.1:9',
  token: { tokenUrl: 'http://127.0.0.1:9/oauth2/token', account: 'atesto', tenantId: 'tenant', privateKey: '' },
  keys: [
    { name: 'default', apiKey: IDCLOUD_KEY, capabilities: ['liveness', 'identity'], edition: 'D', sdkOnly: false },
  ],
  webhook: undefined,
  requestsPerSecond: 10,
};
/** CPFs of nobody. */
export const SOMEBODY = '52998224725';
export const OPERATOR = '12345678909';

const awayUpstream = () => ({
  send: async () => ({ kind: 'none', began: false, reason: 'connect-refused' }) as const,
});

/** A listening gateway on a real ledger, vault and queue, before a simulated SPID Server. No worker works. */
export interface TestGateway {
  url: string;
  context: GatewayContext;
  spid: SpidServerSimulator;
  administrator: IssuedKey;
  system: IssuedKey;
  station: IssuedKey;
  /** Every line logged so far. */
  logged(): string;
  vaultDir: string;
  databaseUrl: string;
  close(): Promise<void>;
}

export async function startTestGateway(
  spidOptions: SpidServerSimulatorOptions = {},
  {
    idcloudAccounts = [],
    idcloudUpstream = { client: awayUpstream, unico: awayUpstream },
  }: { idcloudAccounts?: readonly IdcloudAccount[]; idcloudUpstream?: GatewayContext['idcloud'] } = {},
): Promise<TestGateway> {
  const postgres = await startPostgres();
  const url = await postgres.createDatabase();
  await migrate(url);
  const vaultDir = await mkdtemp(path.join(tmpdir(), 'atesto-vault-'));
  const lines: string[] = [];
  const log = createLog({ service: 'gateway', level: 'debug', stream: { write: (line) => lines.push(line) } });
  const onError = (error: unknown) => log.error('background-failed', { error });
  const db = openDatabase({ url, keepPlans: true }, onError);
  const keyRing = createKeyRing([{ id: 'k1', key: generateKey() }], generateKey());
  const queues = openQueues({ kind: 'postgres', url }, queuesOf([idcloudAccount, ...idcloudAccounts]), onError);
  await queues.isReachable();
  const spid = createSpidServerSimulator({
    matches: () => true,
    operators: [{ cpf: OPERATOR, status: 'VERIFIED' }],
    ...spidOptions,
  });
  const spidClient = createSpidServerClient({ url: await spid.listen() });
  const feed = await openTransactionFeed(url);
  const pictures = createPictureAdviser();
  const context: GatewayContext = {
    ...ledgerInGroups(db),
    vault: createVault({ keyRing, store: await createFileStore(vaultDir) }),
    keyRing,
    feed,
    enqueue: (moment, lane) => queues.enqueue(moment, lane),
    isQueueReachable: () => queues.isReachable(),
    spid: spidClient,
    spidTables: defaultSpidTables,
    idcloudAccounts: [idcloudAccount, ...idcloudAccounts],
    idcloud: idcloudUpstream,
    beforeIdcloudRead: async () => true,
    pictures,
    stations: new StationLinks(),
    log,
    metrics: createGatewayMetrics(createMetrics({ service: 'gateway', version: 'test' }), {
      kinds: transactionKinds,
      rejectReasons: Object.keys(problems),
    }),
    limits: {
      captureBytesMax: 1 << 20,
      imageSideMax: 10_000,
      jsonBytesMax: 64 * 1024,
      waitMsMax: 30_000,
      requeueMs: 60_000,
    },
    closing: new AbortController(),
  };
  const administrator = (await bootstrapAdministrator(db)) as IssuedKey;
  const system = await issueSystemKey(db, 'core banking');
  const station = (await redeemEnrolment(db, (await issueEnrolment(db, 'branch 12')).code)) as IssuedKey;
  const app = await buildGateway(context);
  return {
    url: await app.listen({ host: '127.0.0.1', port: 0 }),
    context,
    spid,
    administrator,
    system,
    station,
    logged: () => lines.join(''),
    vaultDir,
    databaseUrl: url,
    async close() {
      await app.close();
      await feed.close();
      await pictures.close();
      await queues.close();
      await spidClient.close();
      await spid.close();
      await db.end();
      await postgres.stop();
      await rm(vaultDir, { recursive: true });
    },
  };
}

/** A tiny grey PNG that carries `marker`, so that tests can look for it where it must not be. Beyond one pixel its size is only claimed. */
export function pictureOf(marker: string, width = 1, height = 1): Buffer {
  return pngOf(width, height, { claim: width * height > 1, comment: marker });
}

export const digestOf = (bytes: Buffer) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

/** Uploads a picture under a new id and gives the id. */
export async function upload(gateway: TestGateway, bytes: Buffer, key = gateway.station.key): Promise<string> {
  const id = randomUUID();
  const response = await put(gateway, id, bytes, { key });
  if (response.status !== 201) throw new Error(`upload was answered with ${response.status}`);
  return id;
}

export async function put(
  gateway: TestGateway,
  id: string,
  bytes: Buffer,
  options: { key?: string; type?: string; digest?: string | undefined } = {},
): Promise<Response> {
  const digest = 'digest' in options ? options.digest : digestOf(bytes);
  return fetch(`${gateway.url}/v1/captures/${id}`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${options.key ?? gateway.station.key}`,
      'content-type': options.type ?? 'image/png',
      ...(digest === undefined ? {} : { 'content-digest': digest }),
    },
    body: new Uint8Array(bytes),
  });
}

/** A request to enroll somebody with one uploaded finger. */
export async function enrolment(gateway: TestGateway, marker: string): Promise<NewTransaction & { id: string }> {
  return {
    id: randomUUID(),
    kind: 'spid.enroll',
    subject: { cpf: SOMEBODY },
    operator: { cpf: OPERATOR, verification: 'verified' },
    capturedAt: Date.now(),
    biometrics: [{ index: 6, capture: await upload(gateway, pictureOf(marker)) }],
    missingBiometrics: [],
  };
}

export async function post(
  gateway: TestGateway,
  route: string,
  body: unknown,
  options: { key?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${gateway.url}${route}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.key ?? gateway.station.key}`,
      'content-type': 'application/json',
      ...options.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** The code of a problem document, or the whole body where it is none. */
export async function problemOf(response: Response): Promise<string> {
  const text = await response.text();
  return /problems\/([\w-]+)"/.exec(text)?.[1] ?? text;
}

/** What was sealed to be posted, as text. */
export async function postedBody({ context }: TestGateway, id: string): Promise<string> {
  const row = await getTransaction(context.db, id);
  if (!row?.wrappedKey) throw new Error('there is no such body');
  return text(context.vault.open({ record: row.payload, wrappedKey: row.wrappedKey, bytes: row.payloadBytes }));
}
