import type { SpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import { acceptSpidWrite } from './accept-spid-write.ts';
import { holdForAnswer } from './await-transaction.ts';
import { SpidRefusal } from './spid-submission.ts';

/** Shorter than the time after which a station takes the gateway for silent. */
const HOLD_MS = 10_000;

/** A write that a native route makes for its caller. */
export interface NativeWrite {
  name: SpidWrite;
  params?: Readonly<Record<string, string>>;
  body?: object;
  origin?: TransactionRow;
}

/**
 * Accepts a write and holds its caller until SPID Server has taken it, refused it, or the time is over.
 * @throws ProblemError `id-conflict`; `upstream-refused` where SPID Server will not do it
 */
export async function performNative(
  context: GatewayContext,
  principal: Principal,
  { name, params = {}, body, origin }: NativeWrite,
  idempotencyKey: string | undefined,
  signal: AbortSignal,
): Promise<TransactionRow> {
  const asked = { name, params, query: {}, body: body && Buffer.from(JSON.stringify(body)), origin };
  const { transaction } = await acceptSpidWrite(context, principal, asked, idempotencyKey).catch((error) => {
    if (error instanceof SpidRefusal) throw new ProblemError(error.status === 409 ? 'id-conflict' : 'invalid-request');
    throw error;
  });
  const row = await holdForAnswer(context, transaction, signal, HOLD_MS);
  if (row.verdict === 'rejected' && row.upstreamId === undefined) {
    throw new ProblemError('upstream-refused', [{ path: '/', problem: row.upstreamStatus ?? 'refused' }]);
  }
  return row;
}
