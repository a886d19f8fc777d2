import type { Database } from '@atesto/shared/ledger/database';
import type { SealedColumn, SealedValue } from '@atesto/shared/ledger/rotation';
import { listStale, replaceSealed, sealedColumns } from '@atesto/shared/ledger/rotation';
import { resealAnswer } from '@atesto/shared/vault/answer-column';
import { resealCpf } from '@atesto/shared/vault/cpf-column';
import type { KeyRing } from '@atesto/shared/vault/key-ring';
import { resealMissing } from '@atesto/shared/vault/missing-column';
import { resealToken } from '@atesto/shared/vault/token-column';

const BATCH = 500;

/**
 * Brings every sealed value of the ledger under the ring's active key. Files of the vault stay as they are: only the keys that open them are wrapped
 * anew. Can be stopped and started again, and run while the house works.
 * @returns how many values were renewed, by column
 */
export async function rotateKeys(db: Database, keyRing: KeyRing): Promise<Record<SealedColumn, number>> {
  const renewed = { captures: 0, transactions: 0, answers: 0, missing: 0, tokens: 0, subjects: 0 };
  for (const column of sealedColumns) {
    for (;;) {
      const stale = await listStale(db, column, keyRing.activeHeader, BATCH);
      if (stale.length === 0) break;
      for (const value of stale) {
        if (await replaceSealed(db, column, value, renew(keyRing, column, value))) renewed[column]++;
      }
    }
  }
  return renewed;
}

function renew(keyRing: KeyRing, column: SealedColumn, { record, sealed }: SealedValue): Buffer {
  if (typeof record !== 'string') return resealCpf(keyRing, { cpfIndex: record, cpfSealed: sealed });
  if (column === 'answers') return resealAnswer(keyRing, record, sealed);
  if (column === 'tokens') return resealToken(keyRing, record, sealed);
  return column === 'missing' ? resealMissing(keyRing, record, sealed) : keyRing.rewrap(sealed, record);
}
