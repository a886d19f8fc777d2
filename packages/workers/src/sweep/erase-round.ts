import type { Database } from '@atesto/shared/ledger/database';
import {
  destroyBodies,
  eraseOld,
  eraseRequested,
  eraseUnspentCaptures,
  forgetErasedRecords,
  forgetSubjects,
  listErasedRecords,
} from '@atesto/shared/ledger/erasure';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { BlobStore } from '@atesto/shared/vault/blob-store';

/** Erased in one statement at most. */
const BATCH = 200;
/** A picture of which no transaction was made by then will have none: a station destroys what it could not deliver after as many days. */
export const UNSPENT_DAYS = 30;

export interface EraseRoundOptions {
  /** What has been over for so many days is erased; undefined, nothing is by its age. */
  retentionDays: number | undefined;
  /** Never throws. */
  observe: {
    erased(row: TransactionRow): void;
    unspentErased(count: number): void;
  };
}

/**
 * One round of erasure: what somebody asked for and has come to its end, the bodies of what has not, what is older than it is to be kept, pictures that nobody used; then what those left
 * behind. Each step is a commit of its own and begins with what the ledger says, so a process that dies leaves nothing undone.
 * @returns `more` where more was asked for than one batch
 * @throws VaultError where a file could not be removed; all else of the round is done then
 */
export async function eraseRound(
  db: Database,
  store: Pick<BlobStore, 'remove'>,
  { retentionDays, observe }: EraseRoundOptions,
): Promise<'more' | 'done'> {
  const asked = await eraseRequested(db, BATCH);
  for (const row of asked) observe.erased(row);
  await destroyBodies(db, BATCH);
  const old = retentionDays === undefined ? [] : await eraseOld(db, BATCH, retentionDays);
  for (const row of old) observe.erased(row);
  const unspent = await eraseUnspentCaptures(db, BATCH, UNSPENT_DAYS);
  if (unspent > 0) observe.unspentErased(unspent);
  await forgetSubjects(db, BATCH);
  await removeFiles(db, store);
  // What is only old can wait for the next round: a backlog of it does not take the ledger from those who send.
  return asked.length === BATCH ? 'more' : 'done';
}

/** Their keys are gone already; what is removed twice does no harm. */
async function removeFiles(db: Database, store: Pick<BlobStore, 'remove'>): Promise<void> {
  for (let left = true; left; ) {
    const records = await listErasedRecords(db, BATCH);
    const removals = await Promise.allSettled(records.map((record) => store.remove(record)));
    const removed = records.filter((_, at) => removals[at]?.status === 'fulfilled');
    if (removed.length > 0) await forgetErasedRecords(db, removed);
    const failure = removals.find((removal) => removal.status === 'rejected');
    if (failure) throw failure.reason;
    left = records.length === BATCH;
  }
}
