import type { ImageHeader } from '../domain/image-header.ts';
import type { Database } from './database.ts';

/** A picture in the vault that waits for its transaction, or is kept as evidence. */
export interface CaptureRow {
  id: string;
  owner: string;
  format: ImageHeader['format'];
  width: number;
  height: number;
  dpi: number | undefined;
  bytes: number;
  sha256: Buffer;
  /** The vault's record. */
  record: string;
  /** Undefined once its picture went into a payload. */
  wrappedKey: Buffer | undefined;
  transactionId: string | undefined;
}

export type NewCapture = Omit<CaptureRow, 'wrappedKey' | 'transactionId'> & { wrappedKey: Buffer };

/** Records a stored picture. False when the id is taken. */
export async function insertCapture(db: Database, c: NewCapture): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'insert-capture',
    text: `insert into captures (id, owner, format, width, height, dpi, bytes, sha256, record, wrapped_key)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do nothing`,
    values: [c.id, c.owner, c.format, c.width, c.height, c.dpi, c.bytes, c.sha256, c.record, c.wrappedKey],
  });
  return rowCount === 1;
}

/** The captures among `ids` that exist, in no order. */
export async function getCaptures(db: Database, ids: readonly string[]): Promise<CaptureRow[]> {
  const { rows } = await db.query({
    name: 'get-captures',
    text: `select id, owner, format, width, height, dpi, bytes, sha256, record, wrapped_key, transaction_id from captures where id = any ($1)`,
    values: [ids],
  });
  return rows.map((row) => ({
    id: row.id,
    owner: row.owner,
    format: row.format,
    width: row.width,
    height: row.height,
    dpi: row.dpi ?? undefined,
    bytes: row.bytes,
    sha256: row.sha256,
    record: row.record,
    wrappedKey: row.wrapped_key ?? undefined,
    transactionId: row.transaction_id ?? undefined,
  }));
}
