import { SPID_SERVER_BASE } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { isSpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import type { TransactionKind } from '@atesto/shared/domain/transaction';
import { textBody } from '@atesto/shared/upstreams/body';
import type { SpidSubmissionKind } from '@atesto/shared/upstreams/spid-server';
import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { acceptSpidBody } from '../intake/accept-spid-body.ts';
import { holdForAnswer } from '../intake/await-transaction.ts';
import { wholeBody } from '../intake/request-body.ts';
import { checkForm, SpidRefusal } from '../intake/spid-submission.ts';
import { callerGone } from './caller-gone.ts';
import { sendSpidError, spidErrorHandler } from './spid-server-error.ts';
import { findOwn, sendOwnByGuid, sendOwnResult } from './spid-server-own.ts';
import { passOn } from './spid-server-read.ts';
import { checkedRequest, type FaceRequest } from './spid-server-request.ts';
import { write } from './spid-server-write.ts';

/** A submission holds up to eleven pictures in base64. */
const BODY_BYTES_MAX = 32 << 20;

const names = Object.keys(spidServerOperations) as SpidServerOperationName[];
const submissions: Partial<Record<SpidServerOperationName, SpidSubmissionKind>> = {
  enroll: 'spid.enroll',
  verify: 'spid.verify',
};

const enrolments = ['spid.enroll', 'spid.remote-enroll'] as const;
const searches = ['spid.verify', 'spid.redirect', 'spid.remote-verify'] as const;
const remote = ['spid.remote-verify', 'spid.remote-enroll'] as const;

interface ById {
  /** The path variable that holds the id. */
  variable: string;
  /** The kinds that it may be of; any, where it does not say. */
  kinds?: readonly TransactionKind[];
  /** Answered from the ledger; the others from the upstream, by the id that it knows. */
  answer?: typeof sendOwnResult;
}
/** Reads by the id of a transaction, which may be one of ours. */
const byId: Partial<Record<SpidServerOperationName, ById>> = {
  getEnrollResult: { variable: 'id', kinds: enrolments, answer: sendOwnResult },
  getSearchResult: { variable: 'tguid', kinds: searches, answer: sendOwnResult },
  getDeleteResult: { variable: 'id', kinds: ['spid.delete'], answer: sendOwnResult },
  getTransactionGuid: { variable: 'guid', answer: sendOwnByGuid },
  getTransactionData: { variable: 'tguid' },
  generateReport: { variable: 'tguid' },
  getBiometrics: { variable: 'tguid', kinds: remote },
};

/** `/gbs-spid-server/…`: SPID Server 4.2.12 as Griaule documents it, its submissions made durable. */
export const spidServerFaceRoutes: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  await app.register(
    async (face) => {
      // Raw: the body is checked once and posted as it came.
      face.removeAllContentTypeParsers();
      face.addContentTypeParser('application/json', wholeBody);
      face.setErrorHandler(spidErrorHandler(context.log));
      face.setNotFoundHandler((_request, reply) => sendSpidError(reply, 404, 'There is nothing here.'));

      for (const name of names) {
        const row = context.spidTables.server[name];
        face.route<{ Params: Record<string, string> }>({
          method: row.method,
          url: row.path.slice(SPID_SERVER_BASE.length).replaceAll(/\{(\w+)\}/g, ':$1'),
          bodyLimit: BODY_BYTES_MAX,
          config: {
            access: ['system'],
            refuse: (reply, why) =>
              why === 'unauthenticated'
                ? sendSpidError(reply, 401, 'A key is needed: Authorization: Bearer <key>')
                : sendSpidError(reply, 403, 'This key does not open this route.'),
          },
          schema: { hide: true },
          handler: handlerOf(context, name),
        });
      }
    },
    { prefix: SPID_SERVER_BASE },
  );
};

type Handler = (request: FaceRequest, reply: FastifyReply) => Promise<FastifyReply>;

function handlerOf(context: GatewayContext, name: SpidServerOperationName): Handler {
  const kind = submissions[name];
  if (kind) return (request, reply) => submit(context, kind, request, reply);
  if (isSpidWrite(name)) return (request, reply) => write(context, name, request, reply);
  return (request, reply) => read(context, name, request, reply);
}

async function submit(
  context: GatewayContext,
  kind: SpidSubmissionKind,
  { principal, body, headers }: FaceRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!Buffer.isBuffer(body)) throw new SpidRefusal(400, ['body: missing']);
  const key = headers['idempotency-key'];
  const accepted = await acceptSpidBody(context, principal, kind, body, typeof key === 'string' ? key : undefined);
  if (kind === 'spid.enroll') return sendOwnResult(context, reply, accepted.transaction);
  const row = await holdForAnswer(context, accepted.transaction, callerGone(reply));
  return sendOwnResult(context, reply, row);
}

/** Reads, and the sessions of the deprecated family. */
async function read(
  context: GatewayContext,
  name: SpidServerOperationName,
  request: FaceRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { params, query, body } = checkedRequest(context, name, request);
  const { request: form } = context.spidTables.server[name];
  if (form) checkForm(form, body ?? Buffer.alloc(0));
  const asked = { params, query, ...(form && body ? { body: textBody(body) } : {}) };
  const id = byId[name];
  if (!id) return passOn(context, name, asked, reply);

  const own = await findOwn(context, request.principal, params[id.variable] ?? '');
  if (own.kind === 'elsewhere') return passOn(context, name, asked, reply);
  if (own.kind === 'hidden' || (id.kinds && !id.kinds.includes(own.row.kind))) {
    return sendSpidError(reply, 404, 'There is no such transaction.');
  }
  if (id.answer) return id.answer(context, reply, own.row);
  const { upstreamId } = own.row;
  if (!upstreamId) return sendSpidError(reply, 409, 'SPID Server has not taken the transaction yet.');
  return passOn(context, name, { params: { [id.variable]: upstreamId } }, reply);
}
