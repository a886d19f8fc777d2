import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { Pool } from 'pg';

/** The ledger's connections. Every statement of the house runs on this pool, inside `ledger/`. */
export type Database = Pool;

export interface DatabaseOptions {
  url: string;
  /** Connections at most. */
  max?: number;
  /**
   * Each statement is planned once for a connection, by its indexes. For who looks up, inserts and moves on by ids, as the gateway does and the workers' groups;
   * not for who takes the first of many that are due, as the sweep does, since such a plan does not know how few are wanted.
   */
  keepPlans?: boolean;
}

/**
 * PostgreSQL plans a statement that names several ids anew each time, which was half of an acceptance's cost; and what it planned while the ledger was empty
 * reads whole tables until they are analyzed.
 */
const KEPT_PLANS = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';

/**
 * Opens the pool. A connection that breaks while idle is dropped and reported to `onIdleError`: the next statement gets a new one.
 * Statements are cut off after 10 s and lock waits after 5 s: an answer that late has lost its caller anyway. A connection that is silent for
 * longer leads nowhere any more, and is dropped.
 */
export function openDatabase(
  { url, max = 20, keepPlans = false }: DatabaseOptions,
  onIdleError: (error: Error) => void,
): Database {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 10_000,
    query_timeout: 12_000,
    lock_timeout: 5_000,
    // A crashed worker must not leave a transaction open.
    idle_in_transaction_session_timeout: 10_000,
    application_name: 'atesto',
    ...(keepPlans && { options: KEPT_PLANS }),
  });
  pool.on('error', onIdleError);
  return pool;
}

/** Brings the schema up to date. Safe to run from several processes at once: one migrates, the others wait for its lock. */
export async function migrate(url: string): Promise<void> {
  await runner({
    databaseUrl: url,
    dir: fileURLToPath(new URL('migrations', import.meta.url)),
    direction: 'up',
    migrationsTable: 'atesto_migrations',
    advisoryLockMode: 'wait',
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
}

/** True when PostgreSQL answers. */
export async function isReachable(db: Database): Promise<boolean> {
  try {
    await db.query('select 1');
    return true;
  } catch {
    return false;
  }
}
