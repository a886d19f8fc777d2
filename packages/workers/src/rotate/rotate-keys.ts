import type { Database } from '@atesto/shared/ledger/database';
import type { SealedTable, SealedValue } from '@atesto/shared/ledger/rotation';
import { listStale, replaceSealed, sealedTables } from '@atesto/shared/ledger/rotation';
import { resealCpf } from '@atesto/shared/vault/cpf-column';
import type { KeyRing } from '@atesto/shared/vault/key-ring';

const BATCH = 500;

/**
 * Brings every sealed value of the ledger under the ring's active key. Files of the vault stay as they are: only the keys that open them are wrapped
 * anew. Can be stopped and started again, and run while the house works.
 * @returns how many values were renewed, by table
 */
export async function rotateKeys(db: Database, keyRing: KeyRing): Promise<Record<SealedTable, number>> {
  const renewed = { captures: 0, transactions: 0, subjects: 0 };
  for (const table of sealedTables) {
    for (;;) {
      const stale = await listStale(db, table, keyRing.activeHeader, BATCH);
      if (stale.length === 0) break;
      for (const value of stale) {
        if (await replaceSealed(db, table, value, renew(keyRing, value))) renewed[table]++;
      }
    }
  }
  return renewed;
}

function renew(keyRing: KeyRing, { record, sealed }: SealedValue): Buffer {
  return typeof record === 'string'
    ? keyRing.rewrap(sealed, record)
    : resealCpf(keyRing, { cpfIndex: record, cpfSealed: sealed });
}
