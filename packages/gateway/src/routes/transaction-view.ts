import type { Attention, TransactionEventView, TransactionView } from '@atesto/shared/contracts/gateway';
import { readSpidStatus, type SpidStatusWords } from '@atesto/shared/domain/spid-status';
import { isSettled, isSpidKind } from '@atesto/shared/domain/transaction';
import type { StoredEvent, TransactionRow } from '@atesto/shared/ledger/transactions';
import type { GatewayContext } from '../gateway-context.ts';
import { clientKinds } from '../intake/own-processes.ts';

/** A transaction as callers see it: no personal data, absent instead of null. */
export function viewTransaction(
  { spidTables }: Pick<GatewayContext, 'spidTables'>,
  row: TransactionRow,
): TransactionView {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    attempt: row.attempt,
    operation: row.operation,
    origin: row.origin,
    subject: row.subject,
    attention: attentionOf(row, spidTables.statuses),
    station: row.station,
    operatorVerification: row.operatorVerification,
    upstreamId: row.upstreamId,
    upstreamStatus: row.upstreamStatus,
    verdict: row.verdict,
    result: clientKinds.includes(row.kind) ? row.result : undefined,
    reason: row.reason,
    acceptedAt: row.acceptedAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    dueAt: isSettled(row.state) ? undefined : row.dueAt?.toISOString(),
    eraseRequestedAt: row.eraseRequestedAt?.toISOString(),
  };
}

/** Why a person has to look at it, if one has. */
function attentionOf({ kind, state, upstreamStatus }: TransactionRow, words: SpidStatusWords): Attention | undefined {
  if (state === 'dead' || state === 'unknown') return state;
  if (state !== 'awaiting' || !isSpidKind(kind) || upstreamStatus === undefined) return undefined;
  const reading = readSpidStatus(upstreamStatus, words);
  if (reading.final) return undefined;
  if (reading.exception) return 'exception';
  return reading.recognised ? undefined : 'unknown-word';
}

export function viewEvent(event: StoredEvent): TransactionEventView {
  return { ...event, at: event.at.toISOString() };
}
