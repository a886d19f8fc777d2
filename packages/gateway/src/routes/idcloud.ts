import { findKey, type IdcloudKeyOf } from '@atesto/shared/contracts/idcloud-accounts';
import { IDCLOUD_MAX_IMAGE_BYTES } from '@atesto/shared/contracts/idcloud-client';
import { parseCpf } from '@atesto/shared/domain/cpf';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { acceptIdcloud } from '../intake/accept-idcloud.ts';
import { holdForAnswer } from '../intake/await-transaction.ts';
import { BODY_REST_BYTES_MAX, checkCreate } from '../intake/idcloud-checks.ts';
import { IdcloudAway, IdcloudRefusal } from '../intake/idcloud-refusal.ts';
import { clientKinds, findOwnProcess, livingUpstreamId } from '../intake/own-processes.ts';
import { wholeBody } from '../intake/request-body.ts';
import { requestId } from '../intake/transaction-id.ts';
import { callerGone } from './caller-gone.ts';
import { startAdvice } from './capture-advice.ts';
import { sendProcess } from './idcloud-answer.ts';
import { idcloudErrorHandler, refuse } from './idcloud-error.ts';
import { objectOf, readLive, repeat, sayStale } from './idcloud-read.ts';

/** Base64 of two of the largest pictures, as a document may have, and room for the rest of the body. */
const BODY_BYTES_MAX = 2 * Math.ceil(IDCLOUD_MAX_IMAGE_BYTES * 1.4) + BODY_REST_BYTES_MAX;
/** A document's links are good for ten minutes; after this they are fetched anew. */
const LINKS_FRESH_MS = 9 * 60_000;

type ReadRequest = FastifyRequest<{ Params: { id?: string } }>;

/** `/idcloud/processes/…` and `/idcloud/documents/v1`: IDCloud by Client as Unico documents it, its creates made durable. */
export const idcloudRoutes: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  // Raw: the body is checked once and posted as it came.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', wholeBody);
  app.setErrorHandler(idcloudErrorHandler(context.log));
  // A packed body is never unpacked: it is refused before it is read.
  app.addHook('onRequest', async ({ headers }, reply) => {
    // Answers name people and hold links.
    reply.header('cache-control', 'no-store');
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw new IdcloudRefusal(20003);
  });

  const options = {
    config: {
      access: ['system' as const],
      // The vendor complains about absent headers before it looks at their values.
      refuse: (reply: FastifyReply) => {
        const { authorization, apikey } = reply.request.headers;
        return refuse(reply, !authorization ? 20001 : !apikey ? 20002 : 10501);
      },
    },
    schema: { hide: true },
  };
  app.post('/idcloud/processes/v1', { bodyLimit: BODY_BYTES_MAX, ...options }, (request, reply) =>
    create(context, request, reply),
  );
  for (const url of ['/idcloud/processes/v1/', '/idcloud/processes/v1/:id']) {
    app.get(url, options, (request: ReadRequest, reply) => getProcess(context, request, reply));
  }
  for (const url of ['/idcloud/processes/v2/', '/idcloud/processes/v2/:id']) {
    app.get(url, options, (request: ReadRequest, reply) => getProcessV2(context, request, reply));
  }
  app.get(
    '/idcloud/documents/v1',
    options,
    (request: FastifyRequest<{ Querystring: Record<string, unknown> }>, reply) =>
      listDocuments(context, request, reply),
  );
};

/** The key that the caller names. @throws IdcloudRefusal 20002, 10201 */
function requireKey({ idcloudAccounts }: GatewayContext, { headers: { apikey } }: FastifyRequest): IdcloudKeyOf {
  if (!apikey) throw new IdcloudRefusal(20002);
  const key = findKey(idcloudAccounts, String(apikey));
  if (!key) throw new IdcloudRefusal(10201);
  return key;
}

async function create(context: GatewayContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const of = requireKey(context, request);
  const { body, principal, headers } = request;
  if (!Buffer.isBuffer(body)) throw new IdcloudRefusal(20003);
  const checked = checkCreate(body, of.key, Date.now());
  const id = requestId(context.keyRing, principal, headers, () => new IdcloudRefusal(20003));
  const { transaction } = await acceptIdcloud(context, principal, id, of, { body, checked });
  const sayAdvice = checked.picture && startAdvice(context, checked.picture);
  const row = await holdForAnswer(context, transaction, callerGone(reply));
  sayAdvice?.(reply);
  return sendProcess(context, reply, row);
}

/** What a read's id stands for: a process of ours, or nothing here, so the upstream is asked. @throws IdcloudRefusal 20023, 50001 */
async function findProcess(
  context: GatewayContext,
  { params: { id }, principal }: ReadRequest,
): Promise<{ id: string; row: TransactionRow | undefined }> {
  if (!id) throw new IdcloudRefusal(20023);
  const own = await findOwnProcess(context, principal, id);
  if (own.kind === 'elsewhere') return { id, row: undefined };
  if (own.kind !== 'ours' || !clientKinds.includes(own.row.kind)) throw new IdcloudRefusal(50001);
  return { id, row: own.row };
}

async function getProcess(context: GatewayContext, request: ReadRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { account, key } = requireKey(context, request);
  const { id, row } = await findProcess(context, request);
  const signal = callerGone(reply);
  if (!row) {
    const of = { account: account.name, keyName: key.name };
    return repeat(reply, await readLive(context, of, 'getProcess', { params: { id }, signal }));
  }
  return sendOwn(context, row, signal, reply);
}

/** One of ours, from the ledger; links that are over are fetched anew. */
async function sendOwn(
  context: GatewayContext,
  row: TransactionRow,
  signal: AbortSignal,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { state, answerSealed, upstreamId, updatedAt, account = '', keyName } = row;
  const isOver = state === 'concluded' && answerSealed && Date.now() - updatedAt.getTime() > LINKS_FRESH_MS;
  if (isOver && upstreamId) {
    try {
      const read = await readLive(context, { account, keyName }, 'getProcess', { params: { id: upstreamId }, signal });
      if (read.status === 200) return reply.code(200).send({ ...objectOf(read.body), id: row.id });
    } catch (error) {
      if (!(error instanceof IdcloudAway)) throw error;
    }
    sayStale(reply);
  }
  return sendProcess(context, reply, row);
}

/** Of edition B: with the person's data, which are kept nowhere. Where IDCloud does not know it, version 1. */
async function getProcessV2(context: GatewayContext, request: ReadRequest, reply: FastifyReply): Promise<FastifyReply> {
  const asked = requireKey(context, request);
  const { id, row } = await findProcess(context, request);
  const signal = callerGone(reply);
  const upstreamId = row ? livingUpstreamId(row) : id;
  if (upstreamId === undefined) return sendOwn(context, row as TransactionRow, signal, reply);
  const of = { account: row?.account ?? asked.account.name, keyName: row?.keyName ?? asked.key.name };
  const read = await readLive(context, of, 'getProcessV2', { params: { id: upstreamId }, signal });
  if (read.status === 404) return getProcess(context, request, reply);
  if (!row || read.status !== 200) return repeat(reply, read);
  return reply.code(200).send({ ...objectOf(read.body), id: row.id });
}

/** Reusable documents of a person. */
async function listDocuments(
  context: GatewayContext,
  request: FastifyRequest<{ Querystring: Record<string, unknown> }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { account, key } = requireKey(context, request);
  const { code, type } = request.query;
  if (!code) throw new IdcloudRefusal(20005);
  if (typeof code !== 'string' || parseCpf(code) !== code) throw new IdcloudRefusal(20507);
  if (typeof type !== 'string' || type === '') throw new IdcloudRefusal(20003);
  const of = { account: account.name, keyName: key.name };
  return repeat(
    reply,
    await readLive(context, of, 'listDocuments', { query: { code, type }, signal: callerGone(reply) }),
  );
}
