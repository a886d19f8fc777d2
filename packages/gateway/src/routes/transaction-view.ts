import type { TransactionEventView, TransactionView } from '@atesto/shared/contracts/gateway';
import { isSettled } from '@atesto/shared/domain/transaction';
import type { StoredEvent, TransactionRow } from '@atesto/shared/ledger/transactions';

/** A transaction as callers see it: no personal data, absent instead of null. */
export function viewTransaction(row: TransactionRow): TransactionView {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    attempt: row.attempt,
    subject: row.subject,
    station: row.station,
    operatorVerification: row.operatorVerification,
    upstreamId: row.upstreamId,
    upstreamStatus: row.upstreamStatus,
    verdict: row.verdict,
    reason: row.reason,
    acceptedAt: row.acceptedAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    dueAt: isSettled(row.state) ? undefined : row.dueAt?.toISOString(),
  };
}

export function viewEvent(event: StoredEvent): TransactionEventView {
  return { ...event, at: event.at.toISOString() };
}
