import type { Database } from '@atesto/shared/ledger/database';
import { listLivingRecords } from '@atesto/shared/ledger/records';
import type { BlobStore } from '@atesto/shared/vault/blob-store';

const BATCH = 500;
/** A record is written before the ledger names it, so a young one may be about to be named. */
export const ORPHAN_AGE_MS = 24 * 60 * 60_000;

/**
 * Removes sealed bodies that no ledger row can open: a process died between vault and ledger, or the key was destroyed. They cannot be read any more;
 * this only gives their space back.
 * @returns how many were removed
 */
export async function clearVault(db: Database, store: BlobStore, nowMs: number): Promise<number> {
  let removed = 0;
  let batch: string[] = [];
  const clear = async () => {
    const living = await listLivingRecords(db, batch);
    for (const record of batch) {
      if (living.has(record)) continue;
      await store.remove(record);
      removed++;
    }
    batch = [];
  };
  for await (const { recordId, storedAt } of store.list()) {
    if (nowMs - storedAt.getTime() < ORPHAN_AGE_MS) continue;
    batch.push(recordId);
    if (batch.length === BATCH) await clear();
  }
  await clear();
  return removed;
}
