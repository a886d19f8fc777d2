import type { ExternalResult } from '@atesto/shared/contracts/spid-server';
import { isSettled } from '@atesto/shared/domain/transaction';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { UpstreamReason } from '@atesto/shared/upstreams/upstream';
import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { sendSpidError } from './spid-server-error.ts';

/** What a caller's id stands for: a transaction of its own; one that it must not see; or nothing here, so the upstream is asked. */
export type Own = { kind: 'ours'; row: TransactionRow } | { kind: 'hidden' } | { kind: 'elsewhere' };

const guid = z.guid();

export async function findOwn({ db }: Pick<GatewayContext, 'db'>, principal: Principal, id: string): Promise<Own> {
  const row = guid.safeParse(id).success ? await getTransaction(db, id) : undefined;
  if (!row) return { kind: 'elsewhere' };
  return row.owner === principal.id && row.kind !== 'idcloud.process' ? { kind: 'ours', row } : { kind: 'hidden' };
}

/** Reasons by which the upstream says that it will never take the submission as it is. */
const refusals: ReadonlySet<string> = new Set<UpstreamReason>([
  'bad-request',
  'not-found',
  'gone',
  'too-large',
  'unsupported-media-type',
  'unprocessable',
  'client-error',
]);

/** Answers with the upstream's word under our id, which stays valid while the upstream's is not known yet. */
export function sendOwnResult(reply: FastifyReply, row: TransactionRow): FastifyReply {
  const status = wordOf(row);
  if (status === undefined) return sendDead(reply, row);
  return reply.code(200).send({ id: row.id, status } satisfies ExternalResult);
}

/** The same in the form of `GetTransactionGuid`. */
export function sendOwnByGuid(reply: FastifyReply, row: TransactionRow): FastifyReply {
  const status = wordOf(row);
  if (status === undefined) return sendDead(reply, row);
  return reply.code(200).send({ id: row.id, status, type: row.kind === 'spid.enroll' ? 'ENROLL' : 'SEARCH' });
}

/** Undefined where there will be none without a person. */
function wordOf(row: TransactionRow): string | undefined {
  if (isSettled(row.state)) return row.verdict === undefined ? undefined : row.upstreamStatus;
  return row.upstreamStatus ?? (row.kind === 'spid.enroll' ? 'ENROLL_PENDING' : 'SEARCH_PENDING');
}

function sendDead(reply: FastifyReply, { reason }: TransactionRow): FastifyReply {
  return reason !== undefined && refusals.has(reason)
    ? sendSpidError(reply, 422, `SPID Server refused the transaction: ${reason}`)
    : sendSpidError(reply, 500, 'The transaction came to no result: a person has to look at it.');
}
