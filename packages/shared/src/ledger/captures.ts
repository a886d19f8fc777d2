import type { CaptureDevice, CaptureQuality } from '../domain/capture.ts';
import type { ImageHeader } from '../domain/image-header.ts';
import { isArchived } from './archive.ts';
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
  const inserted = db.query({
    name: 'insert-capture',
    text: `insert into captures (id, owner, format, width, height, dpi, bytes, sha256, record, wrapped_key)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do nothing`,
    values: [c.id, c.owner, c.format, c.width, c.height, c.dpi, c.bytes, c.sha256, c.record, c.wrappedKey],
  });
  const rowCount = await inserted.then(
    (result) => result.rowCount,
    (error: unknown) => {
      if (isArchived(error)) return 0;
      throw error;
    },
  );
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

/** Forgets a picture that no transaction took, key and all. Gives the vault's record of it, or undefined where there is none such. */
export async function deleteFreshCapture(db: Database, id: string): Promise<string | undefined> {
  const { rows } = await db.query<{ record: string }>({
    name: 'delete-fresh-capture',
    text: 'delete from captures where id = $1 and transaction_id is null returning record',
    values: [id],
  });
  return rows[0]?.record;
}

/** A capture as a transaction takes it: which finger it is, or 10 for the face, and what its station knows of it. */
export interface SpentCapture {
  id: string;
  index: number;
  device?: CaptureDevice | undefined;
  quality?: CaptureQuality | undefined;
}

/** What is known of a picture that a transaction took, long after the picture itself is gone. */
export interface TransactionCapture extends Pick<CaptureRow, 'format' | 'width' | 'height' | 'dpi' | 'sha256'> {
  role: 'payload' | 'evidence';
  index: number | undefined;
  device: CaptureDevice | undefined;
  quality: CaptureQuality | undefined;
}

/** The captures of a transaction: its payload in the order of the table of fingers, then its evidence. */
export async function listTransactionCaptures(db: Database, transactionId: string): Promise<TransactionCapture[]> {
  const { rows } = await db.query({
    name: 'list-transaction-captures',
    text: `select role, biometric_index, format, width, height, dpi, sha256, device, quality from captures
      where transaction_id = $1 order by role desc, biometric_index, id`,
    values: [transactionId],
  });
  return rows.map((row) => ({
    role: row.role,
    index: row.biometric_index ?? undefined,
    format: row.format,
    width: row.width,
    height: row.height,
    dpi: row.dpi ?? undefined,
    sha256: row.sha256,
    device: row.device ?? undefined,
    quality: row.quality ?? undefined,
  }));
}

/** The sealed list of fingers that the person lacks, or undefined where none is. */
export async function getMissing(db: Database, transactionId: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ sealed: Buffer | null }>({
    name: 'get-missing',
    text: 'select missing_sealed as sealed from transactions where id = $1',
    values: [transactionId],
  });
  return rows[0]?.sealed ?? undefined;
}
