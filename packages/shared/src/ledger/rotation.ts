import type { Database } from './database.ts';

/** Columns that hold something sealed under a key-encryption key. `record` is what it was sealed for. */
const columns = {
  captures: { table: 'captures', record: 'record', sealed: 'wrapped_key' },
  transactions: { table: 'transactions', record: 'payload', sealed: 'wrapped_key' },
  answers: { table: 'transactions', record: 'id', sealed: 'answer_sealed' },
  missing: { table: 'transactions', record: 'id', sealed: 'missing_sealed' },
  tokens: { table: 'idcloud_tokens', record: 'id', sealed: 'token_sealed' },
  subjects: { table: 'subjects', record: 'cpf_index', sealed: 'cpf_sealed' },
} as const;
export type SealedColumn = keyof typeof columns;
export const sealedColumns = Object.keys(columns) as SealedColumn[];

export interface SealedValue {
  id: string;
  /** A vault record's or a transaction's id, an account's name, or the bytes of a blind index. */
  record: string | Buffer;
  sealed: Buffer;
}

/** Values that do not begin with `header`, the mark of the active key. */
export async function listStale(
  db: Database,
  column: SealedColumn,
  header: Buffer,
  limit: number,
): Promise<SealedValue[]> {
  const { table, record, sealed } = columns[column];
  const { rows } = await db.query<SealedValue>(
    `select id, ${record} as record, ${sealed} as sealed from ${table}
      where ${sealed} is not null and substring(${sealed} from 1 for $2) <> $1 limit $3`,
    [header, header.length, limit],
  );
  return rows;
}

/** Puts the renewed value in the old one's place, unless that is gone: what was destroyed meanwhile stays destroyed. */
export async function replaceSealed(
  db: Database,
  column: SealedColumn,
  old: SealedValue,
  renewed: Buffer,
): Promise<boolean> {
  const { table, sealed } = columns[column];
  const { rowCount } = await db.query(`update ${table} set ${sealed} = $3 where id = $1 and ${sealed} = $2`, [
    old.id,
    old.sealed,
    renewed,
  ]);
  return rowCount === 1;
}
