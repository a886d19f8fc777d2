import { type Database, migrate, openDatabase } from '@atesto/shared/ledger/database';
import { startPostgres } from './postgres.ts';

export interface Ledger {
  db: Database;
  url: string;
  stop(): Promise<void>;
}

/** An empty ledger, migrated, on a PostgreSQL of its own or on the one that vitest lends. */
export async function startLedger(): Promise<Ledger> {
  const postgres = await startPostgres();
  const { url } = postgres;
  await migrate(url);
  const db = openDatabase({ url }, () => {});
  return {
    db,
    url,
    async stop() {
      await db.end();
      await postgres.stop();
    },
  };
}
