import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { IdcloudKey } from '@atesto/shared/contracts/idcloud-accounts';
import { call } from './call.ts';
import { StackError } from './stack-error.ts';

/** Of the simulated account, and of the account in our settings. */
const SIMULATED = { account: 'atesto', tenantId: '00000000-0000-4000-8000-000000000000' };
const IDCLOUD_ACCOUNT = 'idcloud';

type Kind = Pick<IdcloudKey, 'apiKey' | 'capabilities' | 'edition' | 'sdkOnly'>;
const key = (apiKey: string, capabilities: IdcloudKey['capabilities'], more: Partial<Kind> = {}): Kind => ({
  ...{ apiKey, capabilities, edition: 'D', sdkOnly: false },
  ...more,
});

/** Keys of the house, by their names in the accounts file. */
const kinds = {
  // Named as the one account of the settings names its key.
  default: key('simulator-key', ['liveness', 'identity']),
  sdk: key('sdk-key', ['liveness', 'identity'], { sdkOnly: true }),
  liveness: key('liveness-key', ['liveness']),
  validation: key('validation-key', ['liveness', 'validation']),
  behaviour: key('behaviour-key', ['liveness', 'identity', 'behaviour']),
  score: key('score-key', ['liveness', 'identity', 'score']),
  documents: key('documents-key', ['documents']),
  'score-b': key('score-key-b', ['liveness', 'identity', 'behaviour', 'score'], { edition: 'B' }),
  'documents-b': key('documents-key-b', ['documents'], { edition: 'B' }),
};
export type IdcloudKeyName = keyof typeof kinds;
export const idcloudKeys = Object.fromEntries(
  Object.entries(kinds).map(([name, { apiKey }]) => [name, apiKey]),
) as Readonly<Record<IdcloudKeyName, string>>;

/** Arguments of the simulator that knows these keys; it writes the account's private key into a file. */
export function idcloudSimulatorArguments(privateKeyFile: string): string[] {
  const keys = Object.values(kinds).flatMap(({ apiKey, capabilities, edition, sdkOnly }) => [
    '--api-key',
    [apiKey, capabilities.join('+'), edition, sdkOnly ? 'sdk' : 'any'].join(':'),
  ]);
  return ['--private-key-out', privateKeyFile, ...keys];
}

/** The accounts file of gateway and workers for it, and how the simulator is told where notices go. */
export async function writeIdcloudAccounts(
  dir: string,
  url: string,
  privateKeyFile: string,
): Promise<{ file: string; register(gatewayUrl: string): Promise<void> }> {
  const file = path.join(dir, 'idcloud-accounts.json');
  const webhook = { type: 'basic', user: 'unico', password: randomBytes(16).toString('base64url') };
  const account = {
    name: IDCLOUD_ACCOUNT,
    ...{ clientUrl: url, unicoUrl: url, signUrl: url },
    token: { tokenUrl: `${url}/oauth2/token`, ...SIMULATED, privateKey: { file: privateKeyFile } },
    keys: Object.entries(kinds).map(([name, one]) => ({ name, ...one })),
    webhook,
  };
  await writeFile(file, JSON.stringify([account], null, 2), { mode: 0o600 });
  return {
    file,
    async register(gatewayUrl) {
      const registration = { url: `${gatewayUrl}/webhooks/idcloud/${IDCLOUD_ACCOUNT}`, authentication: webhook };
      const route = `${url}/_admin/accounts/${SIMULATED.account}`;
      const { status } = await call('PUT', route, { json: { webhook: registration } });
      if (status !== 204) throw new StackError('failed', `the simulator did not take the webhook: ${status}`);
    },
  };
}
