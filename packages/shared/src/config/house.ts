import type { serviceSchema, storageSchema, upstreamSchema } from './common.ts';
import { queueBackend } from './common.ts';
import type { Settings } from './settings.ts';
import { spidTables } from './spid-tables.ts';
import { idcloud, spidServer } from './upstreams.ts';

type Values = Settings<typeof serviceSchema & typeof storageSchema & typeof upstreamSchema>;

/** What gateway and workers share: one ledger, one queue, one vault, the same keys and platforms. @throws SettingsError */
export function houseSettings(values: Values) {
  const tables = spidTables(values.SPID_PROFILE);
  return {
    logLevel: values.LOG_LEVEL,
    stateDir: values.ATESTO_STATE_DIR,
    keys: { kek: values.ATESTO_KEK, indexKey: values.ATESTO_INDEX_KEY },
    databaseUrl: values.DATABASE_URL,
    databaseConnections: values.DATABASE_CONNECTIONS,
    queue: queueBackend(values),
    vault: values.VAULT_URL,
    spid: { ...spidServer(values), operations: tables.server, statuses: tables.statuses },
    /** Calls a second to SPID Server; undefined, no limit. */
    spidRate: values.SPID_SERVER_RATE || undefined,
    spidTables: tables,
    idcloud: idcloud(values),
  };
}
