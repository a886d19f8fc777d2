import type { IdcloudAccount } from '../contracts/idcloud-accounts.ts';
import type { upstreamSchema } from './common.ts';
import { isPrivateKey, NO_PRIVATE_KEY, parseIdcloudAccounts } from './idcloud-accounts.ts';
import { type Settings, SettingsError } from './settings.ts';

/** As the SPID Server client takes them. */
export interface SpidServerConfig {
  url: string;
  username?: string;
  password?: string;
  ca?: string;
  connections: number;
  timeouts: { connectMs: number; submitMs: number; readMs: number };
}

/** IDCloud as its clients take it. No account: it is off. */
export interface IdcloudConfig {
  accounts: readonly IdcloudAccount[];
  /** Of each account. */
  connections: number;
  timeouts: { connectMs: number; submitMs: number; readMs: number };
}

type Values = Settings<typeof upstreamSchema>;

/** @throws SettingsError where a user has no password or the other way round */
export function spidServer(values: Values): SpidServerConfig {
  const { SPID_SERVER_USERNAME: username, SPID_SERVER_PASSWORD: password, SPID_SERVER_CA_FILE: ca } = values;
  if ((username === undefined) !== (password === undefined)) {
    const setting = username === undefined ? 'SPID_SERVER_USERNAME' : 'SPID_SERVER_PASSWORD';
    throw new SettingsError([{ setting, problem: 'is not set; user and password are given together' }]);
  }
  return {
    url: values.SPID_SERVER_URL,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca }),
    connections: values.SPID_SERVER_CONNECTIONS,
    timeouts: {
      connectMs: values.SPID_SERVER_CONNECT_TIMEOUT_MS,
      submitMs: values.SPID_SERVER_SUBMIT_TIMEOUT_MS,
      readMs: values.SPID_SERVER_READ_TIMEOUT_MS,
    },
  };
}

/** Accounts from their file, or the one that the settings name. @throws SettingsError where some of its settings are given and some are not */
export function idcloud(values: Values): IdcloudConfig {
  const account = singleAccount(values);
  if (account && values.IDCLOUD_ACCOUNTS) {
    throw new SettingsError([
      { setting: 'IDCLOUD_ACCOUNTS', problem: 'is set beside IDCLOUD_URL; accounts are given in one way' },
    ]);
  }
  return {
    accounts: account ? [account] : parseIdcloudAccounts(values.IDCLOUD_ACCOUNTS),
    connections: values.IDCLOUD_CONNECTIONS,
    timeouts: {
      connectMs: values.IDCLOUD_CONNECT_TIMEOUT_MS,
      submitMs: values.IDCLOUD_SUBMIT_TIMEOUT_MS,
      readMs: values.IDCLOUD_READ_TIMEOUT_MS,
    },
  };
}

/** Undefined where none of the account's settings is given. */
function singleAccount(values: Values): IdcloudAccount | undefined {
  const {
    IDCLOUD_URL: clientUrl,
    IDCLOUD_TOKEN_URL: tokenUrl,
    IDCLOUD_ACCOUNT: account,
    IDCLOUD_TENANT: tenantId,
    IDCLOUD_PRIVATE_KEY_FILE: privateKey,
    IDCLOUD_API_KEY: apiKey,
  } = values;
  const given = { clientUrl, tokenUrl, account, tenantId, privateKey, apiKey };
  if (Object.values(given).every((value) => value === undefined)) return undefined;
  if (!clientUrl || !tokenUrl || !account || !tenantId || !privateKey || !apiKey) {
    const names = ['URL', 'TOKEN_URL', 'ACCOUNT', 'TENANT', 'PRIVATE_KEY_FILE', 'API_KEY'] as const;
    const missing = names.map((name) => `IDCLOUD_${name}` as const).filter((name) => values[name] === undefined);
    const problem = 'is not set; the settings of the IDCloud account are given together';
    throw new SettingsError(missing.map((setting) => ({ setting, problem })));
  }
  if (!isPrivateKey(privateKey)) {
    throw new SettingsError([{ setting: 'IDCLOUD_PRIVATE_KEY_FILE', problem: NO_PRIVATE_KEY }]);
  }
  return {
    name: 'idcloud',
    clientUrl,
    unicoUrl: undefined,
    signUrl: undefined,
    token: { tokenUrl, account, tenantId, privateKey },
    keys: [{ name: 'default', apiKey, capabilities: ['liveness', 'identity'], edition: 'D', sdkOnly: false }],
    webhook: undefined,
    requestsPerSecond: values.IDCLOUD_RATE,
  };
}
