import type { OperatorVerification, TransactionKind, TransactionState, Verdict } from '../domain/transaction.ts';
import type { TransactionRow } from './transactions.ts';

/** A row as `pg` gives it. */
export interface StoredTransaction {
  id: string;
  owner: string;
  station: string | null;
  kind: string;
  operation: string | null;
  account: string | null;
  key_name: string | null;
  origin: string | null;
  subject: string | null;
  operator: string | null;
  operator_verification: string | null;
  captured_at: Date | null;
  payload: string;
  payload_bytes: number;
  wrapped_key: Buffer | null;
  state: string;
  version: number;
  attempt: number;
  died_in: string | null;
  upstream_id: string | null;
  upstream_status: string | null;
  verdict: string | null;
  reason: string | null;
  result: Record<string, unknown> | null;
  answer_sealed: Buffer | null;
  accepted_at: Date;
  updated_at: Date;
  due_at: Date | null;
  erase_requested_at: Date | null;
}

/** Columns of a `StoredTransaction`, for `select` and `returning`. */
export const transactionColumns =
  'id, owner, station, kind, operation, account, key_name, origin, subject, operator, operator_verification, captured_at, payload, payload_bytes, wrapped_key, state, version, ' +
  'attempt, died_in, upstream_id, upstream_status, verdict, reason, result, answer_sealed, accepted_at, updated_at, due_at, erase_requested_at';

/** The one place where a row's text becomes the domain's words: only this ledger writes them. */
export function toTransaction(row: StoredTransaction): TransactionRow {
  return {
    id: row.id,
    owner: row.owner,
    station: row.station ?? undefined,
    kind: row.kind as TransactionKind,
    operation: row.operation ?? undefined,
    account: row.account ?? undefined,
    keyName: row.key_name ?? undefined,
    origin: row.origin ?? undefined,
    subject: row.subject ?? undefined,
    operator: row.operator ?? undefined,
    operatorVerification: (row.operator_verification ?? undefined) as OperatorVerification | undefined,
    capturedAt: row.captured_at ?? undefined,
    payload: row.payload,
    payloadBytes: row.payload_bytes,
    wrappedKey: row.wrapped_key ?? undefined,
    state: row.state as TransactionState,
    version: row.version,
    attempt: row.attempt,
    diedIn: (row.died_in ?? undefined) as TransactionState | undefined,
    upstreamId: row.upstream_id ?? undefined,
    upstreamStatus: row.upstream_status ?? undefined,
    verdict: (row.verdict ?? undefined) as Verdict | undefined,
    reason: row.reason ?? undefined,
    result: row.result ?? undefined,
    answerSealed: row.answer_sealed ?? undefined,
    acceptedAt: row.accepted_at,
    updatedAt: row.updated_at,
    dueAt: row.due_at ?? undefined,
    eraseRequestedAt: row.erase_requested_at ?? undefined,
  };
}
