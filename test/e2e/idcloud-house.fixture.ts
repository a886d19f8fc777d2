import { generateKeyPairSync } from 'node:crypto';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { startTestGateway } from '@atesto/gateway/gateway.fixture';
import type { IdcloudAccount } from '@atesto/shared/contracts/idcloud-accounts';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { createIdcloudAccounts, type IdcloudAccounts } from '@atesto/shared/upstreams/idcloud-accounts';
import { createIdcloudSimulator, type IdcloudSimulator } from '@atesto/simulators/idcloud/simulator';
import { encodePng } from '@atesto/simulators/spid-server/biometrics';
import { waitFor } from '../stack/wait-for.ts';
import { startTestWorkers } from './workers.fixture.ts';

const tenantId = '0f5a5a4e-7a4e-4f5a-9d0e-3f6f1f7a1c11';

export const portrait = Buffer.from(
  encodePng({ width: 480, height: 640, pixels: new Uint8Array(480 * 640), dpiX: 72, dpiY: 72 }),
).toString('base64');

/** Gateway and workers on simulated accounts of IDCloud, which serve both products. */
export interface IdcloudHouse {
  simulator: IdcloudSimulator;
  gateway: TestGateway;
  /** The clients that gateway and workers have. */
  upstreams: IdcloudAccounts;
  /** Of every account, with which assertions are signed. PEM. */
  privateKey: string;
  tenantId: string;
  /** The clock of the simulator and of the clients. */
  now(): number;
  /** Moves that clock on: tokens, links and locks grow old. */
  later(ms: number): void;
  /** A call of the faces, as a system makes it. */
  call(method: 'GET' | 'POST', route: string, headers?: Record<string, string>, body?: object): Promise<Response>;
  /** The transaction when it is concluded. */
  ended(id: string, timeoutMs?: number): Promise<TransactionRow>;
  close(): Promise<void>;
}

export async function openIdcloudHouse(
  wanted: readonly Pick<IdcloudAccount, 'name' | 'keys' | 'webhook'>[],
): Promise<IdcloudHouse> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const [first, ...others] = wanted.map(({ name, keys }) => ({
    ...{ account: name, tenantId, publicKey, apiKeys: keys, requestsPerSecond: 0 },
  }));
  if (!first) throw new RangeError('a house needs an account');
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const simulator = createIdcloudSimulator({ ...first, others, now });
  const url = await simulator.listen();
  const accounts = wanted.map((account) => ({
    ...account,
    ...{ clientUrl: url, unicoUrl: url, signUrl: url, requestsPerSecond: 100 },
    token: { tokenUrl: simulator.tokenUrl, account: account.name, tenantId, privateKey },
  }));
  const upstreams = createIdcloudAccounts(accounts, {
    connections: 4,
    timeouts: { connectMs: 5_000, submitMs: 15_000, readMs: 5_000 },
    now,
  });
  const gateway = await startTestGateway({}, { idcloudAccounts: accounts, idcloudUpstream: upstreams });
  const workers = startTestWorkers(gateway, { idcloud: { accounts, upstreams } });
  return {
    ...{ simulator, gateway, upstreams, privateKey, tenantId, now },
    later(ms) {
      ahead += ms;
    },
    call: (method, route, headers = {}, body) =>
      fetch(`${gateway.url}/idcloud${route}`, {
        method,
        headers: {
          authorization: `Bearer ${gateway.system.key}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...headers,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      }),
    async ended(id, timeoutMs = 20_000) {
      const row = async () => (await getTransaction(gateway.context.db, id)) as TransactionRow;
      await waitFor(async () => (await row()).state === 'concluded', { what: 'its end', timeoutMs });
      return row();
    },
    async close() {
      await workers.close();
      await gateway.close();
      await upstreams.close();
      await simulator.close();
    },
  };
}
