import { initialSnapshot } from '../domain/transaction.ts';
import { isArchived } from './archive.ts';
import type { Database } from './database.ts';
import { togetherOrAlone } from './together-or-alone.ts';
import { type StoredTransaction, toTransaction, transactionColumns } from './transaction-rows.ts';
import { type AcceptedTransaction, type AcceptResult, findAccepted } from './transactions.ts';

/** `acceptTransaction` on one ledger. */
export type Accept = (transaction: AcceptedTransaction) => Promise<AcceptResult>;

/** Stores a transaction and its first event in one commit. Durable when it resolves. */
export async function acceptTransaction(db: Database, t: AcceptedTransaction): Promise<AcceptResult> {
  return resultOf(db, t, await insertAlone(db, t));
}

/** `acceptTransaction` that commits in groups. */
export function createAccept(db: Database): Accept {
  const insert = togetherOrAlone(
    async (group: readonly AcceptedTransaction[]) => {
      // By the payload, which is its own: of two with one id in a group the first is it.
      const rows = new Map((await insertAll(db, group)).map((row) => [row.payload, row]));
      return group.map(({ payload }) => rows.get(payload));
    },
    (t) => insertAlone(db, t),
  );
  return async (t) => resultOf(db, t, await insert(t));
}

async function resultOf(
  db: Database,
  t: AcceptedTransaction,
  row: StoredTransaction | undefined,
): Promise<AcceptResult> {
  if (row) return { kind: 'accepted', transaction: toTransaction(row) };
  const [standing] = await findAccepted(db, [t]);
  return standing ?? { kind: 'conflict' };
}

/** @returns undefined where the id was not free */
async function insertAlone(db: Database, t: AcceptedTransaction): Promise<StoredTransaction | undefined> {
  try {
    return (await insertAll(db, [t]))[0];
  } catch (error) {
    if (isArchived(error)) return undefined;
    throw error;
  }
}

/** @returns those whose ids were free */
async function insertAll(db: Database, group: readonly AcceptedTransaction[]): Promise<StoredTransaction[]> {
  const hex = (bytes: Buffer | undefined) => bytes?.toString('hex');
  const rows = group.map((t) => ({
    id: t.id,
    owner: t.owner,
    station: t.station,
    kind: t.kind,
    subject: t.subject,
    operator: t.operator,
    operator_verification: t.operatorVerification,
    captured_at: t.capturedAt,
    request_mac: hex(t.requestMac),
    payload: t.payload,
    payload_bytes: t.payloadBytes,
    wrapped_key: hex(t.wrappedKey),
    due_in: t.dueInMs,
    operation: t.operation,
    origin: t.origin,
    missing_sealed: hex(t.missingSealed),
    account: t.account,
    key_name: t.keyName,
    sdk_capture: hex(t.sdkCapture),
    evidence: t.evidence,
  }));
  // In one order, whoever else inserts the same ids.
  rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  // By the payload, which is its own: two with one id may be in the group.
  const taken = group.flatMap(({ payload, captures = [] }) => captures.map((capture) => ({ ...capture, payload })));
  const result = await db.query<StoredTransaction>({
    name: 'accept',
    text: `with new as materialized (
        select * from jsonb_to_recordset($1) as new (
          id uuid, owner uuid, station uuid, kind text, subject uuid, operator uuid, operator_verification text, captured_at timestamptz,
          request_mac text, payload uuid, payload_bytes int, wrapped_key text, due_in float8, operation text, origin uuid, missing_sealed text,
          account text, key_name text, sdk_capture text, evidence uuid)),
      accepted as (
        insert into transactions (id, owner, station, kind, subject, operator, operator_verification, captured_at, request_mac,
                                  payload, payload_bytes, wrapped_key, state, attempt, due_at, operation, origin, missing_sealed,
                                  account, key_name, sdk_capture)
        select id, owner, station, kind, subject, operator, operator_verification, captured_at, decode(request_mac, 'hex'),
          payload, payload_bytes, decode(wrapped_key, 'hex'), $4, $5, now() + due_in * interval '1 millisecond', operation, origin,
          decode(missing_sealed, 'hex'), account, key_name, decode(sdk_capture, 'hex')
        from new
        on conflict (id) do nothing
        returning *),
      event as (
        insert into transaction_events (transaction_id, seq, type, to_state, attempt)
        select id, 0, 'accepted', state, attempt from accepted),
      spent as (
        update only captures set transaction_id = accepted.id, role = 'payload', wrapped_key = null,
          biometric_index = taken.index, device = taken.device, quality = taken.quality
        from jsonb_to_recordset($2) as taken (payload uuid, id uuid, index int, device jsonb, quality jsonb)
          join accepted on accepted.payload = taken.payload
        where captures.id = any ($3) and captures.id = taken.id),
      kept as (
        update only captures set transaction_id = accepted.id, role = 'evidence'
        from new join accepted on accepted.payload = new.payload
        where captures.id = any ($6) and captures.id = new.evidence)
      select ${transactionColumns} from accepted`,
    values: [
      JSON.stringify(rows),
      JSON.stringify(taken),
      taken.map(({ id }) => id),
      initialSnapshot.state,
      initialSnapshot.attempt,
      group.flatMap(({ evidence }) => evidence ?? []),
    ],
  });
  return result.rows;
}
