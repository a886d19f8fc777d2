import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { naming } from './outbox-error.ts';

export interface StoreOptions {
  /** Path of the database file. */
  file: string;
  /** Most bytes the file may take, so that a gateway that is away for weeks cannot fill a branch PC's disk. */
  maxBytes?: number;
}

const PAGE_BYTES = 4_096;
const SCHEMA_VERSION = 1;

const schema = `
  create table item (
    tguid text primary key,
    kind text not null check (kind in ('enroll', 'verify')),
    state text not null check (state in ('ready', 'pending', 'delivered', 'refused')),
    created_at integer not null,
    updated_at integer not null,
    attempts integer not null default 0,
    due_at integer not null default 0,
    reason text,
    wrapped_key blob,
    package blob
  ) strict;
  create index item_open on item (state, due_at) where state in ('ready', 'pending');
  create table image (
    tguid text not null references item on delete cascade,
    capture text not null,
    content blob not null,
    primary key (tguid, capture)
  ) strict;
  create table operator (
    id blob primary key,
    record blob not null
  ) strict;
`;

/**
 * Opens the station's database: WAL with synchronous=FULL, so that what was committed survives a kill and a power cut; one process at a time;
 * freed pages are overwritten. Everything personal in it is sealed before it comes here. @throws OutboxError
 */
export function openStore(options: StoreOptions): DatabaseSync {
  const { file, maxBytes = 2 * 1024 ** 3 } = options;
  return naming('open', () => {
    const db = new DatabaseSync(file);
    try {
      db.exec('pragma busy_timeout = 1000');
      db.exec('pragma locking_mode = exclusive');
      db.exec(`pragma page_size = ${PAGE_BYTES}`);
      db.exec('pragma journal_mode = wal');
      db.exec('pragma synchronous = full');
      db.exec('pragma secure_delete = on');
      db.exec('pragma foreign_keys = on');
      // A truncated log keeps no old pages behind.
      db.exec('pragma journal_size_limit = 0');
      db.exec(`pragma max_page_count = ${Math.max(64, Math.floor(maxBytes / PAGE_BYTES))}`);
      inTransaction(db, () => {
        const version = Number(db.prepare('pragma user_version').get()?.user_version);
        if (version === SCHEMA_VERSION) return;
        if (version !== 0) throw new Error(`schema version ${version} is not known`);
        db.exec(schema);
        db.exec(`pragma user_version = ${SCHEMA_VERSION}`);
      });
      if (process.platform !== 'win32') chmodSync(file, 0o600);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** Commits what `work` does, or nothing of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('begin immediate');
  try {
    const result = work();
    db.exec('commit');
    return result;
  } catch (error) {
    // A failed statement may have rolled back by itself.
    if (db.isTransaction) db.exec('rollback');
    throw error;
  }
}
