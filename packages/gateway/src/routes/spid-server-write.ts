import { remoteCaptureResponse, remoteNotification } from '@atesto/shared/contracts/spid-server';
import type { SpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import { isSettled, type TransactionKind } from '@atesto/shared/domain/transaction';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { parseJson } from '@atesto/shared/upstreams/exchange';
import { openAnswer } from '@atesto/shared/vault/answer-column';
import type { FastifyReply } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { acceptSpidWrite, type SpidWriteAsked } from '../intake/accept-spid-write.ts';
import { holdForAnswer } from '../intake/await-transaction.ts';
import { checkForm, SpidRefusal } from '../intake/spid-submission.ts';
import { callerGone } from './caller-gone.ts';
import { sendSpidError } from './spid-server-error.ts';
import { findOwn, isRefused, sendOwnResult, sendRefused } from './spid-server-own.ts';
import type { FaceRequest } from './spid-server-request.ts';
import { checkedRequest } from './spid-server-request.ts';

/** Writes about a transaction that may be one of ours: where its id stands, and of which kinds it has to be. */
const about: Partial<Record<SpidWrite, { variable: 'guid' | 'tguid' | 'body'; kinds: readonly TransactionKind[] }>> = {
  redirectEnroll: { variable: 'guid', kinds: ['spid.enroll', 'spid.remote-enroll'] },
  finishRemoteCapture: { variable: 'tguid', kinds: ['spid.remote-verify', 'spid.remote-enroll'] },
  notificationRemoteCapture: { variable: 'body', kinds: ['spid.remote-verify', 'spid.remote-enroll'] },
};

/** Answers a write that is a transaction: on disk before anything is sent, and held for its answer. */
export async function write(
  context: GatewayContext,
  name: SpidWrite,
  request: FaceRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { principal, headers } = request;
  const asked = await resolve(context, { name, ...checkedRequest(context, name, request) }, request);
  const key = headers['idempotency-key'];
  const { transaction } = await acceptSpidWrite(context, principal, asked, typeof key === 'string' ? key : undefined);
  const row = await holdForAnswer(context, transaction, callerGone(reply));
  return sendWritten(context, name, row, reply);
}

/** The request with SPID Server's own id in the place of ours. @throws SpidRefusal 404, 409 */
async function resolve(
  context: GatewayContext,
  asked: SpidWriteAsked,
  { principal }: FaceRequest,
): Promise<SpidWriteAsked> {
  const target = about[asked.name];
  if (!target) return asked;
  const { variable } = target;
  const id =
    variable === 'body' ? checkForm(remoteNotification, asked.body ?? Buffer.alloc(0)).guid : asked.params[variable];
  const own = await findOwn(context, principal, id ?? '');
  if (own.kind === 'elsewhere') return asked;
  if (own.kind === 'hidden' || !target.kinds.includes(own.row.kind))
    throw new SpidRefusal(404, ['There is no such transaction.']);
  const { upstreamId } = own.row;
  if (!upstreamId) throw new SpidRefusal(409, ['SPID Server has not taken the transaction yet.']);
  return variable === 'body'
    ? { ...asked, body: Buffer.from(JSON.stringify({ guid: upstreamId })), origin: own.row }
    : { ...asked, params: { ...asked.params, [variable]: upstreamId }, origin: own.row };
}

function sendWritten(context: GatewayContext, name: SpidWrite, row: TransactionRow, reply: FastifyReply): FastifyReply {
  const isAnswered = row.state === 'concluded' || row.state === 'awaiting';
  if (!isAnswered && isSettled(row.state)) return sendOwnResult(context, reply, row);
  if (isRefused(row)) return sendRefused(context, reply, row);
  switch (row.kind) {
    case 'spid.delete':
      // Done, and no transaction named.
      if (row.state === 'concluded' && row.upstreamId === undefined) return reply.code(204).send();
      return sendOwnResult(context, reply, row);
    case 'spid.redirect':
      return sendOwnResult(context, reply, row);
    case 'spid.remote-verify':
    case 'spid.remote-enroll': {
      const link = linkOf(context, row);
      return link === undefined ? sendLater(reply) : reply.code(200).send({ tguid: row.id, dynamicLink: link });
    }
    default:
      return isAnswered ? sendCommand(context, name, row, reply) : sendLater(reply);
  }
}

/** The link of a remote capture, once the upstream has made it. */
export function linkOf({ keyRing }: Pick<GatewayContext, 'keyRing'>, row: TransactionRow): string | undefined {
  if (!row.answerSealed) return undefined;
  const { body } = openAnswer(keyRing, row.id, row.answerSealed);
  return remoteCaptureResponse.safeParse(parseJson(Buffer.from(body))).data?.dynamicLink;
}

/** A command's answer is the upstream's, as it came. */
function sendCommand(
  { keyRing, spidTables }: GatewayContext,
  name: SpidWrite,
  row: TransactionRow,
  reply: FastifyReply,
): FastifyReply {
  const { answer, success } = spidTables.server[name];
  if (row.answerSealed) {
    const { status, contentType, body } = openAnswer(keyRing, row.id, row.answerSealed);
    reply.code(status);
    if (body === '') return reply.send();
    return reply.type(contentType ?? 'application/json').send(body);
  }
  // Its answer was lost; that it had its effect was found out.
  if (answer.form === 'none') return reply.code(success[0] ?? 200).send();
  return sendSpidError(reply, 500, 'It was done, and SPID Server’s answer to it was lost.');
}

function sendLater(reply: FastifyReply): FastifyReply {
  reply.header('retry-after', '10');
  return sendSpidError(reply, 503, 'Accepted; SPID Server has not answered yet: make the same request again.');
}
