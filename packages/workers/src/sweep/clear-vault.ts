import type { Database } from '@atesto/shared/ledger/database';
import { listLivingRecords } from '@atesto/shared/ledger/records';
import type { BlobStore } from '@atesto/shared/vault/blob-store';

const BATCH = 500;
/** A record is written before the ledger names it, so a young one may be about to be named. */
export const ORPHAN_AGE_MS = 24 * 60 * 60_000;
/** More than these few, and more than this share of what is old enough, and it is the ledger that is wrong: restored from an older backup, or another one. */
const FEW_ORPHANS = 100;
const ORPHAN_SHARE_MAX = 0.1;

export interface Clearing {
  orphans: number;
  /** 0 where there were too many to be believed. */
  removed: number;
}

/**
 * Removes sealed bodies that no ledger row can open: a process died between vault and ledger, or the key was destroyed. They cannot be read any more;
 * this only gives their space back, and so it rather removes nothing than what a better ledger could still open.
 */
export async function clearVault(db: Database, store: BlobStore, nowMs: number): Promise<Clearing> {
  const orphans: string[] = [];
  let old = 0;
  let batch: string[] = [];
  const sort = async () => {
    const living = await listLivingRecords(db, batch);
    orphans.push(...batch.filter((record) => !living.has(record)));
    batch = [];
  };
  for await (const { recordId, storedAt } of store.list()) {
    if (nowMs - storedAt.getTime() < ORPHAN_AGE_MS) continue;
    old++;
    batch.push(recordId);
    if (batch.length === BATCH) await sort();
  }
  await sort();
  if (orphans.length > Math.max(FEW_ORPHANS, old * ORPHAN_SHARE_MAX)) return { orphans: orphans.length, removed: 0 };
  for (const record of orphans) await store.remove(record);
  return { orphans: orphans.length, removed: orphans.length };
}
