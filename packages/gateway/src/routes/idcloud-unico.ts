import { unicoProcessAnswer } from '@atesto/shared/contracts/idcloud-unico';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { parseJson } from '@atesto/shared/upstreams/exchange';
import { openAnswer } from '@atesto/shared/vault/answer-column';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { acceptUnico } from '../intake/accept-unico.ts';
import { holdForAnswer } from '../intake/await-transaction.ts';
import { IdcloudAway } from '../intake/idcloud-refusal.ts';
import { findOwnProcess, livingUpstreamId } from '../intake/own-processes.ts';
import { wholeBody } from '../intake/request-body.ts';
import { KEY_CHARACTERS_MAX, requestId } from '../intake/transaction-id.ts';
import { invalidArgument, noSuchProcess, UnicoRefusal } from '../intake/unico-refusal.ts';
import { callerGone } from './caller-gone.ts';
import { objectOf, readLive, repeat, sayStale } from './idcloud-read.ts';
import { sendUnicoError, unicoErrorHandler } from './idcloud-unico-error.ts';

/** Documents to sign come in the body. */
const BODY_BYTES_MAX = 16 << 20;

type ProcessRequest = FastifyRequest<{ Params: { processId: string }; Querystring: Record<string, unknown> }>;
type DocumentRequest = FastifyRequest<{ Params: { documentId: string } }>;

/** `/idcloud/client/v1/…` and `/idcloud/api/v1/service/…`: IDCloud by Unico, whose two hosts are one here. Its creates are made durable. */
export const idcloudUnicoRoutes: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  // Raw: the body is checked once and posted as it came.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', wholeBody);
  app.setErrorHandler(unicoErrorHandler(context.log));
  app.addHook('onRequest', async ({ headers }, reply) => {
    // Answers name people and hold links.
    reply.header('cache-control', 'no-store');
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw invalidArgument('invalid request body');
  });
  const options = {
    config: {
      access: ['system' as const],
      // 401 is plain text, as the proxy before IDCloud says it.
      refuse: (reply: FastifyReply, why: 'unauthenticated' | 'forbidden') => {
        if (why === 'forbidden') return sendUnicoError(reply, 403, 7, 'no permission');
        const said = reply.request.headers.authorization ? 'Jwt verification fails' : 'Jwt is missing';
        return reply.code(401).type('text/plain').send(said);
      },
    },
    schema: { hide: true },
  };
  app.post('/idcloud/client/v1/process', { bodyLimit: BODY_BYTES_MAX, ...options }, (request, reply) =>
    create(context, request, reply),
  );
  app.get('/idcloud/client/v1/process/:processId', options, (request: ProcessRequest, reply) =>
    getProcess(context, request, reply),
  );
  const files = { selfie: 'getSelfie', evidenceset: 'getEvidenceSet' } as const;
  for (const [name, operation] of Object.entries(files)) {
    app.get(`/idcloud/client/v1/process/:processId/${name}`, options, (request: ProcessRequest, reply) =>
      getFile(context, operation, request, reply),
    );
  }
  const signed = { file: 'getSignedDocument', evidence: 'getSignedDocumentEvidence' } as const;
  for (const [name, operation] of Object.entries(signed)) {
    app.get(`/idcloud/api/v1/service/${name}/:documentId`, options, async (request: DocumentRequest, reply) => {
      const of = { account: requireAccount(context, request) };
      if (!context.idcloudAccounts.some(({ name, signUrl }) => name === of.account && signUrl !== undefined)) {
        throw new UnicoRefusal(400, 9, 'the account has no signature service configured: signUrl');
      }
      const { documentId } = request.params;
      return repeat(
        reply,
        await readLive(context, of, operation, { params: { documentId }, signal: callerGone(reply) }),
      );
    });
  }
};

/** The account that has by Unico; where several have, the one that the caller names. @throws UnicoRefusal */
function requireAccount({ idcloudAccounts }: GatewayContext, { headers }: FastifyRequest): string {
  const able = idcloudAccounts.filter(({ unicoUrl }) => unicoUrl !== undefined);
  const named = headers['atesto-account'];
  const account = named === undefined && able.length === 1 ? able[0] : able.find(({ name }) => name === named);
  if (account) return account.name;
  if (able.length === 0) throw new UnicoRefusal(400, 9, 'no account of by Unico is configured');
  throw invalidArgument('the header Atesto-Account has to name an account of by Unico');
}

async function create(context: GatewayContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const account = requireAccount(context, request);
  const { body, principal, headers } = request;
  if (!Buffer.isBuffer(body)) throw invalidArgument('invalid request body');
  const id = requestId(context.keyRing, principal, headers, () =>
    invalidArgument(`the header Idempotency-Key is longer than ${KEY_CHARACTERS_MAX} characters`),
  );
  const { transaction } = await acceptUnico(context, principal, id, account, body);
  const row = await holdForAnswer(context, transaction, callerGone(reply));
  return sendKnown(context, reply, row);
}

async function getProcess(
  context: GatewayContext,
  request: ProcessRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const found = await findProcess(context, request);
  const { row, upstreamId } = found;
  if (row && upstreamId === undefined) return sendKnown(context, reply, row);
  try {
    const params = { processId: upstreamId ?? '' };
    const read = await readLive(context, found, 'getUnicoProcess', { params, signal: callerGone(reply) });
    if (!row || read.status !== 200) return repeat(reply, read);
    return sendUnderOurId(reply, row, read.body);
  } catch (error) {
    if (!row?.answerSealed || !(error instanceof IdcloudAway)) throw error;
    sayStale(reply);
    return sendKnown(context, reply, row);
  }
}

async function getFile(
  context: GatewayContext,
  operation: 'getSelfie' | 'getEvidenceSet',
  request: ProcessRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const found = await findProcess(context, request);
  if (found.upstreamId === undefined) throw noSuchProcess();
  const { raw } = request.query;
  return repeat(
    reply,
    await readLive(context, found, operation, {
      params: { processId: found.upstreamId },
      ...(raw === 'true' ? { query: { raw } } : {}),
      signal: callerGone(reply),
    }),
  );
}

/** What a process id stands for; the upstream's own id passes. @throws UnicoRefusal */
async function findProcess(
  context: GatewayContext,
  request: ProcessRequest,
): Promise<{ account: string; row: TransactionRow | undefined; upstreamId: string | undefined }> {
  const { processId } = request.params;
  const own = await findOwnProcess(context, request.principal, processId);
  switch (own.kind) {
    case 'malformed':
      throw invalidArgument('process id is invalid');
    case 'elsewhere':
      return { account: requireAccount(context, request), row: undefined, upstreamId: processId };
    case 'hidden':
      throw noSuchProcess();
    case 'ours': {
      const { row } = own;
      if (row.kind !== 'idcloud.unico' || row.account === undefined) throw noSuchProcess();
      return { account: row.account, row, upstreamId: livingUpstreamId(row) };
    }
    default:
      return own satisfies never;
  }
}

/** A process as the ledger knows it. */
function sendKnown({ keyRing }: GatewayContext, reply: FastifyReply, row: TransactionRow): FastifyReply {
  if (row.state === 'dead') throw refusalOf(row);
  if (row.state === 'erased') throw noSuchProcess();
  if (row.answerSealed) {
    return sendUnderOurId(reply, row, Buffer.from(openAnswer(keyRing, row.id, row.answerSealed).body));
  }
  // Nobody has its link yet.
  const state = row.state === 'concluded' ? 'PROCESS_STATE_FAILED' : 'PROCESS_STATE_CREATED';
  const result = row.state === 'concluded' ? 'PROCESS_RESULT_ERROR' : 'PROCESS_RESULT_UNSPECIFIED';
  if (row.state !== 'concluded') reply.header('retry-after', '10');
  return reply.code(200).send({ process: { id: row.id, state, result } });
}

function sendUnderOurId(reply: FastifyReply, row: TransactionRow, body: Buffer): FastifyReply {
  if (!unicoProcessAnswer.safeParse(parseJson(body)).success) throw new IdcloudAway(503);
  const answer = objectOf(body);
  return reply.code(200).send({ ...answer, process: { ...(answer.process as object), id: row.id } });
}

/** What IDCloud said no with; its messages are not kept. */
function refusalOf(row: TransactionRow): UnicoRefusal {
  switch (Number(row.result?.upstreamCode)) {
    case 3:
      return invalidArgument('IDCloud refused the request: invalid argument');
    case 5:
      return noSuchProcess();
    case 7:
      return new UnicoRefusal(403, 7, 'no permission');
    case 9:
      return new UnicoRefusal(400, 9, 'XX ID Apikeys are not set');
    default:
      return new UnicoRefusal(500, 99999, 'Internal failure! Try again later');
  }
}
