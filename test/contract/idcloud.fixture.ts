import { generateKeyPairSync } from 'node:crypto';
import type { IdcloudAccount, IdcloudKey } from '../../packages/shared/src/contracts/idcloud-accounts.ts';
import { createIdcloudAccounts, type IdcloudAccounts } from '../../packages/shared/src/upstreams/idcloud-accounts.ts';
import type { UpstreamBody } from '../../packages/shared/src/upstreams/upstream.ts';
import {
  createIdcloudSimulator,
  type IdcloudSimulator,
  type IdcloudSimulatorOptions,
} from '../simulators/src/idcloud/simulator.ts';
import { encodePng } from '../simulators/src/spid-server/biometrics.ts';

const pair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
export const account = 'atesto';
export const tenantId = '0f5a5a4e-7a4e-4f5a-9d0e-3f6f1f7a1c11';
/** Whose course is `yes` unless a test says otherwise. */
export const somebody = '12345678909';

/** A key for every capability set of the scenarios, in both editions where they differ. */
const key = (name: string, edition: 'B' | 'D', ...capabilities: IdcloudKey['capabilities'][number][]): IdcloudKey => ({
  ...{ name, edition, capabilities },
  apiKey: `key ${name}`,
  sdkOnly: name === 'sdk',
});
export const keys = [
  key('identity', 'D', 'liveness', 'identity'),
  key('identity-b', 'B', 'liveness', 'identity'),
  key('sdk', 'D', 'liveness', 'identity'),
  key('liveness', 'D', 'liveness'),
  key('validation-b', 'B', 'liveness', 'validation'),
  key('validation-d', 'D', 'liveness', 'validation', 'identity'),
  key('behaviour-b', 'B', 'liveness', 'identity', 'behaviour'),
  key('behaviour-d', 'D', 'liveness', 'identity', 'behaviour'),
  key('score', 'D', 'liveness', 'identity', 'score'),
  key('all-b', 'B', 'liveness', 'identity', 'behaviour', 'score'),
  key('all-d', 'D', 'liveness', 'identity', 'behaviour', 'score'),
  key('documents-b', 'B', 'documents'),
  key('documents-d', 'D', 'documents'),
] as const;

export interface Connecting {
  account?: string;
  tenantId?: string;
  apiKey?: string;
  submitMs?: number;
}

/** Simulator and clients over real sockets, under a clock that the test moves. */
export interface IdcloudStage {
  simulator: IdcloudSimulator;
  accounts: IdcloudAccounts;
  clock: { now: number };
  /** Clients of their own, as another process has them; closed with the stage. */
  connect(changes?: Connecting): IdcloudAccounts;
  close(): Promise<void>;
}

export async function openStage(
  options: Partial<IdcloudSimulatorOptions> = {},
  connecting: Connecting = {},
): Promise<IdcloudStage> {
  const clock = { now: Date.parse('2026-11-22T12:00:00Z') };
  const simulator = createIdcloudSimulator({
    ...{ account, tenantId, publicKey: pair.publicKey, apiKeys: keys, now: () => clock.now },
    requestsPerSecond: 0,
    ...options,
  });
  await simulator.listen();
  const opened: IdcloudAccounts[] = [];
  const connect = (changes: Connecting = {}): IdcloudAccounts => {
    const configured: IdcloudAccount = {
      ...{ name: 'bank', clientUrl: simulator.url, unicoUrl: simulator.url, signUrl: simulator.url },
      token: {
        tokenUrl: simulator.tokenUrl,
        account: changes.account ?? account,
        tenantId: changes.tenantId ?? tenantId,
        privateKey: pair.privateKey,
      },
      keys: keys
        .map((one) => ({ ...one, apiKey: changes.apiKey ?? one.apiKey }))
        .slice(0, changes.apiKey ? 1 : undefined),
      webhook: undefined,
      requestsPerSecond: 10,
    };
    const accounts = createIdcloudAccounts([configured], {
      connections: 16,
      timeouts: { connectMs: 5_000, submitMs: changes.submitMs ?? 5_000, readMs: 5_000 },
      now: () => clock.now,
    });
    opened.push(accounts);
    return accounts;
  };
  return {
    simulator,
    accounts: connect(connecting),
    clock,
    connect,
    async close() {
      await Promise.all(opened.map((one) => one.close()));
      await simulator.close();
    },
  };
}

/** A picture that is large enough, or not. */
export const picture = (width: number, height: number) =>
  Buffer.from(encodePng({ width, height, pixels: new Uint8Array(width * height), dpiX: 72, dpiY: 72 })).toString(
    'base64',
  );
export const portrait = picture(480, 640);

export function bodyOf(value: unknown): UpstreamBody {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return {
    length: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}
