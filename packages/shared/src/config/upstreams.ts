import type { upstreamSchema } from './common.ts';
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

/** As the IDCloud client takes them. */
export interface IdcloudConfig {
  url: string;
  apiKey: string;
  token: { tokenUrl: string; account: string; tenantId: string; privateKey: string };
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

/** Undefined where none of the account's settings is given. @throws SettingsError where some are and some are not */
export function idcloud(values: Values): IdcloudConfig | undefined {
  const {
    IDCLOUD_URL: url,
    IDCLOUD_TOKEN_URL: tokenUrl,
    IDCLOUD_ACCOUNT: account,
    IDCLOUD_TENANT: tenantId,
    IDCLOUD_PRIVATE_KEY_FILE: privateKey,
    IDCLOUD_API_KEY: apiKey,
  } = values;
  const given = { url, tokenUrl, account, tenantId, privateKey, apiKey };
  if (Object.values(given).every((value) => value === undefined)) return undefined;
  if (!url || !tokenUrl || !account || !tenantId || !privateKey || !apiKey) {
    const names = ['URL', 'TOKEN_URL', 'ACCOUNT', 'TENANT', 'PRIVATE_KEY_FILE', 'API_KEY'] as const;
    const missing = names.map((name) => `IDCLOUD_${name}` as const).filter((name) => values[name] === undefined);
    const problem = 'is not set; the settings of the IDCloud account are given together';
    throw new SettingsError(missing.map((setting) => ({ setting, problem })));
  }
  return {
    url,
    apiKey,
    token: { tokenUrl, account, tenantId, privateKey },
    connections: values.IDCLOUD_CONNECTIONS,
    timeouts: {
      connectMs: values.IDCLOUD_CONNECT_TIMEOUT_MS,
      submitMs: values.IDCLOUD_SUBMIT_TIMEOUT_MS,
      readMs: values.IDCLOUD_READ_TIMEOUT_MS,
    },
  };
}
