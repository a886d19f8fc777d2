import type { CaptureDevice, CaptureQuality } from '../domain/capture.ts';
import type { ImageHeader } from '../domain/image-header.ts';
import { isArchived } from './archive.ts';
import type { Database } from './database.ts';
import { togetherOrAlone } from './together-or-alone.ts';

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

/** `insertCapture` on one ledger. */
export type InsertCapture = (capture: NewCapture) => Promise<boolean>;

/** Records a stored picture. False when the id is taken. */
export async function insertCapture(db: Database, capture: NewCapture): Promise<boolean> {
  try {
    return (await insertAll(db, [capture]))[0] === true;
  } catch (error) {
    if (isArchived(error)) return false;
    throw error;
  }
}

/** `insertCapture` that commits in groups. */
export function createInsertCapture(db: Database): InsertCapture {
  return togetherOrAlone(
    (group: readonly NewCapture[]) => insertAll(db, group),
    (capture) => insertCapture(db, capture),
  );
}

/** @returns for each whether its id was free */
async function insertAll(db: Database, group: readonly NewCapture[]): Promise<boolean[]> {
  const captures = group.map(({ sha256, wrappedKey, ...facts }) => ({
    ...facts,
    sha256: sha256.toString('hex'),
    wrapped_key: wrappedKey.toString('hex'),
  }));
  // In one order, whoever else inserts the same ids.
  captures.sort((a, b) => (a.id < b.id ? -1 : 1));
  const { rows } = await db.query<{ record: string }>({
    name: 'insert-captures',
    text: `insert into captures (id, owner, format, width, height, dpi, bytes, sha256, record, wrapped_key)
      select id, owner, format, width, height, dpi, bytes, decode(sha256, 'hex'), record, decode(wrapped_key, 'hex')
      from jsonb_to_recordset($1) as new (id uuid, owner uuid, format text, width int, height int, dpi int, bytes int, sha256 text,
        record uuid, wrapped_key text)
      on conflict (id) do nothing returning record`,
    values: [JSON.stringify(captures)],
  });
  // By the record, which is its own: two with one id may be in the group.
  const inserted = new Set(rows.map(({ record }) => record));
  return group.map(({ record }) => inserted.has(record));
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
