import type { Database } from './database.ts';

/** Columns that hold something sealed under a key-encryption key. `record` is what it was sealed for. */
const columns = {
  captures: { key: 'id', record: 'record', sealed: 'wrapped_key' },
  transactions: { key: 'id', record: 'payload', sealed: 'wrapped_key' },
  subjects: { key: 'id', record: 'cpf_index', sealed: 'cpf_sealed' },
} as const;
export type SealedTable = keyof typeof columns;
export const sealedTables = Object.keys(columns) as SealedTable[];

export interface SealedValue {
  id: string;
  /** A vault record's id, or the bytes of a blind index. */
  record: string | Buffer;
  sealed: Buffer;
}

/** Values that do not begin with `header`, the mark of the active key. */
export async function listStale(
  db: Database,
  table: SealedTable,
  header: Buffer,
  limit: number,
): Promise<SealedValue[]> {
  const { key, record, sealed } = columns[table];
  const { rows } = await db.query<SealedValue>(
    `select ${key} as id, ${record} as record, ${sealed} as sealed from ${table}
      where ${sealed} is not null and substring(${sealed} from 1 for $2) <> $1 limit $3`,
    [header, header.length, limit],
  );
  return rows;
}

/** Puts the renewed value in the old one's place, unless that is gone: what was destroyed meanwhile stays destroyed. */
export async function replaceSealed(
  db: Database,
  table: SealedTable,
  old: SealedValue,
  renewed: Buffer,
): Promise<boolean> {
  const { key, sealed } = columns[table];
  const { rowCount } = await db.query(`update ${table} set ${sealed} = $3 where ${key} = $1 and ${sealed} = $2`, [
    old.id,
    old.sealed,
    renewed,
  ]);
  return rowCount === 1;
}
