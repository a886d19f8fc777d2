import { type ExternalResult, errorResponse } from '@atesto/shared/contracts/spid-server';
import { isSettled, isSpidKind, type TransactionKind } from '@atesto/shared/domain/transaction';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { parseJson } from '@atesto/shared/upstreams/exchange';
import type { UpstreamReason } from '@atesto/shared/upstreams/upstream';
import { openAnswer } from '@atesto/shared/vault/answer-column';
import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { sendSpidError } from './spid-server-error.ts';
import { maySee } from './transactions.ts';

/** What a caller's id stands for: a transaction that it may use; one that it must not see, or that is erased; or nothing here, so the upstream is asked. */
export type Own = { kind: 'ours'; row: TransactionRow } | { kind: 'hidden' } | { kind: 'elsewhere' };

const guid = z.guid();

/**
 * Whether a caller may go on with a transaction as SPID Server would let it. What a station sent in is any system's, as the station itself is by
 * the relay: programs written for the vendor take a TGUID from the station and go on with it at the server.
 */
export function mayUse(principal: Principal, row: TransactionRow): boolean {
  return maySee(principal, row) || (principal.kind === 'system' && row.station !== undefined);
}

export async function findOwn({ db }: Pick<GatewayContext, 'db'>, principal: Principal, id: string): Promise<Own> {
  const row = guid.safeParse(id).success ? await getTransaction(db, id) : undefined;
  if (!row) return { kind: 'elsewhere' };
  const isOurs =
    mayUse(principal, row) && isSpidKind(row.kind) && row.kind !== 'spid.command' && row.state !== 'erased';
  return isOurs ? { kind: 'ours', row } : { kind: 'hidden' };
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
export function sendOwnResult(context: Keys, reply: FastifyReply, row: TransactionRow): FastifyReply {
  if (isRefused(row)) return sendRefused(context, reply, row);
  const status = wordOf(row);
  if (status === undefined) return sendDead(reply, row);
  return reply.code(200).send({ id: row.id, status } satisfies ExternalResult);
}

/** The same in the form of `GetTransactionGuid`. */
export function sendOwnByGuid(context: Keys, reply: FastifyReply, row: TransactionRow): FastifyReply {
  if (isRefused(row)) return sendRefused(context, reply, row);
  const status = wordOf(row);
  if (status === undefined) return sendDead(reply, row);
  return reply.code(200).send({ id: row.id, status, type: typeOf(row.kind) });
}

/** Whether the upstream said no to what was asked. What it rejected later has its id there, and a word. */
export function isRefused({ verdict, answerSealed, upstreamId }: TransactionRow): boolean {
  return verdict === 'rejected' && answerSealed !== undefined && upstreamId === undefined;
}

/** Repeats the upstream's no to what was asked, as it came. */
export function sendRefused({ keyRing }: Keys, reply: FastifyReply, row: TransactionRow): FastifyReply {
  const { status, body } = openAnswer(keyRing, row.id, row.answerSealed ?? Buffer.alloc(0));
  if (errorResponse.safeParse(parseJson(Buffer.from(body))).success) {
    return reply.code(status).type('application/json').send(body);
  }
  return sendSpidError(reply, status, status === 404 ? 'There is nothing here.' : 'SPID Server refused the request.');
}

type Keys = Pick<GatewayContext, 'keyRing'>;

/** What stands for a word that the upstream has not given yet. */
export function pendingWord(kind: TransactionKind): string {
  return `${typeOf(kind)}_PENDING`;
}

function typeOf(kind: TransactionKind): string {
  if (kind === 'spid.delete') return 'DELETE';
  return kind === 'spid.enroll' || kind === 'spid.remote-enroll' ? 'ENROLL' : 'SEARCH';
}

/** Undefined where there will be none without a person. */
function wordOf(row: TransactionRow): string | undefined {
  if (isSettled(row.state)) return row.verdict === undefined ? undefined : row.upstreamStatus;
  return row.upstreamStatus ?? pendingWord(row.kind);
}

function sendDead(reply: FastifyReply, { state, reason }: TransactionRow): FastifyReply {
  if (state === 'erased') return sendSpidError(reply, 404, 'There is no such transaction.');
  return reason !== undefined && refusals.has(reason)
    ? sendSpidError(reply, 422, `SPID Server refused the transaction: ${reason}`)
    : sendSpidError(reply, 500, 'The transaction came to no result: a person has to look at it.');
}
