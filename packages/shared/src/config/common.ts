import { contentOf, folder, httpUrl, integer, key, keyEncryptionKeys, oneOf, text, url, vaultUrl } from './kinds.ts';
import { type RedisLocation, redisUrl } from './redis-url.ts';
import type { Settings, SettingsSchema } from './settings.ts';

/** What every service has. */
export const serviceSchema = {
  LOG_LEVEL: {
    schema: oneOf(['debug', 'info', 'warn', 'error', 'silent']),
    about: 'What is logged.',
    fallback: 'info',
  },
  ATESTO_STATE_DIR: {
    schema: folder,
    about: 'Where the service keeps what it makes itself, such as keys that were not given.',
    fallback: '.atesto',
  },
  ATESTO_KEK: {
    schema: keyEncryptionKeys,
    about:
      'Key-encryption keys: the first seals, all open. To rotate, put a new one in front and keep the old ones until all rows are rewrapped.',
    absent: 'made once and kept in `<ATESTO_STATE_DIR>/keys.json`',
    secret: true,
  },
  ATESTO_INDEX_KEY: {
    schema: key,
    about: 'Key of the blind indexes (CPF) and fingerprints. It never changes: rows are found by it.',
    absent: 'made together with `ATESTO_KEK`',
    secret: true,
  },
  SPID_PROFILE: {
    schema: contentOf('a SPID profile, JSON'),
    about:
      'What an installed manual says where the public pages say nothing: [a SPID profile](spid.md#a-spid-profile).',
    absent: 'routes and words are those of [SPID](spid.md)',
  },
} as const satisfies SettingsSchema;

/** Ledger, queue and vault: gateway and workers. */
export const storageSchema = {
  DATABASE_URL: {
    schema: url('postgres:', 'postgresql:'),
    about: 'PostgreSQL: the system of record. `npm start` brings one along.',
    secret: true,
  },
  DATABASE_CONNECTIONS: { schema: integer(1, 200), about: 'Connections to PostgreSQL at a time.', fallback: '10' },
  REDIS_URL: {
    schema: redisUrl,
    about: 'Redis for the queue: [one server, a Cluster, or Sentinels](scaling.md#redis).',
    absent: 'the queue lives in the PostgreSQL of `DATABASE_URL`',
    secret: true,
  },
  REDIS_SENTINEL_PASSWORD: {
    schema: text,
    about: 'Of the Sentinels themselves.',
    absent: 'they ask for none',
    secret: true,
  },
  QUEUE_CONNECTIONS: {
    schema: integer(1, 200),
    about:
      'Where the queue lives in PostgreSQL: connections of each queue at a time, [besides those of `DATABASE_CONNECTIONS`](scaling.md#connections-to-postgresql).',
    fallback: '10',
  },
  VAULT_URL: {
    schema: vaultUrl,
    about: 'Where sealed bodies lie; all services of an installation share it.',
    fallback: 'file:.atesto/vault',
  },
} as const satisfies SettingsSchema;

/** The platforms. */
export const upstreamSchema = {
  SPID_SERVER_URL: { schema: httpUrl, about: 'Root of the SPID Server. `npm start` brings a simulator along.' },
  SPID_SERVER_USERNAME: { schema: text, about: 'Its HTTP Basic user.', absent: 'no authentication' },
  SPID_SERVER_PASSWORD: { schema: text, about: 'Its HTTP Basic password.', absent: 'no authentication', secret: true },
  SPID_SERVER_CA_FILE: {
    schema: contentOf('certificates in PEM'),
    about: 'Its private certificate authority.',
    absent: "the system's authorities",
  },
  SPID_SERVER_RATE: {
    schema: integer(0, 10_000),
    about: "That account's budget, in calls a second; 0, no limit. The same for gateway and workers.",
    fallback: '50',
  },
  SPID_SERVER_CONNECTIONS: { schema: integer(1, 256), about: 'Calls to it at a time.', fallback: '16' },
  SPID_SERVER_CONNECT_TIMEOUT_MS: timeout('Time for a connection to it.', 5_000),
  SPID_SERVER_SUBMIT_TIMEOUT_MS: timeout('Time for a submission: a verification answers when it is done.', 120_000),
  SPID_SERVER_READ_TIMEOUT_MS: timeout('Time for a look-up.', 15_000),
  IDCLOUD_URL: {
    schema: httpUrl,
    about: 'Root of IDCloud by Client. All `IDCLOUD_…` without a default are given together.',
    absent: 'IDCloud is off',
  },
  IDCLOUD_TOKEN_URL: {
    schema: httpUrl,
    about: 'Its token endpoint, such as `https://identityhomolog.acesso.io/oauth2/token`.',
    absent: 'IDCloud is off',
  },
  IDCLOUD_ACCOUNT: { schema: text, about: 'Name of the service account.', absent: 'IDCloud is off' },
  IDCLOUD_TENANT: { schema: text, about: 'Tenant id.', absent: 'IDCloud is off' },
  IDCLOUD_PRIVATE_KEY_FILE: {
    schema: contentOf('a private key in PEM'),
    about: "The service account's private key.",
    absent: 'IDCloud is off',
  },
  IDCLOUD_API_KEY: {
    schema: text,
    about: 'Selects the capabilities.',
    absent: 'IDCloud is off',
    secret: true,
  },
  IDCLOUD_RATE: {
    schema: integer(1, 10_000),
    about: "That account's budget, in calls a second.",
    fallback: '10',
  },
  IDCLOUD_ACCOUNTS: {
    schema: contentOf('the IDCloud accounts, JSON'),
    about:
      'Several accounts and keys, by Unico and webhooks, in place of the settings above: [accounts](idcloud.md#accounts).',
    absent: 'one account by the settings above, or none',
  },
  IDCLOUD_CONNECTIONS: { schema: integer(1, 256), about: 'Calls to each account at a time.', fallback: '32' },
  IDCLOUD_CONNECT_TIMEOUT_MS: timeout('Time for a connection to it.', 5_000),
  IDCLOUD_SUBMIT_TIMEOUT_MS: timeout('Time to create a process; giving up early cancels it.', 60_000),
  IDCLOUD_READ_TIMEOUT_MS: timeout('Time for a look-up.', 15_000),
} as const satisfies SettingsSchema;

export function timeout<const About extends string>(about: About, fallbackMs: number) {
  return { schema: integer(1, 3_600_000, 'milliseconds'), about, fallback: String(fallbackMs) };
}

export type QueueBackendSettings =
  | (RedisLocation & { sentinelPassword?: string | undefined })
  | { kind: 'postgres'; url: string; connections: number };

/** Redis where there is one, else the ledger's PostgreSQL. */
export function queueBackend(values: Settings<typeof storageSchema>): QueueBackendSettings {
  const { REDIS_URL: redis, REDIS_SENTINEL_PASSWORD: sentinelPassword } = values;
  if (redis === undefined) {
    return { kind: 'postgres', url: values.DATABASE_URL, connections: values.QUEUE_CONNECTIONS };
  }
  return redis.kind === 'redis-sentinel' ? { ...redis, sentinelPassword } : redis;
}
