import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { checkPathParams } from '@atesto/shared/contracts/spid-server-params';
import { isSettled } from '@atesto/shared/domain/transaction';
import type { SpidKind } from '@atesto/shared/upstreams/spid-server';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { acceptSpidBody } from '../intake/accept-spid-body.ts';
import { awaitTransaction } from '../intake/await-transaction.ts';
import { SpidRefusal } from '../intake/spid-submission.ts';
import { callerGone } from './caller-gone.ts';
import { sendSpidError, spidErrorHandler } from './spid-server-error.ts';
import { findOwn, sendOwnByGuid, sendOwnResult } from './spid-server-own.ts';
import { repeatRead } from './spid-server-read.ts';

const ROOT = '/gbs-spid-server';
/** A submission holds up to eleven pictures in base64. */
const BODY_BYTES_MAX = 32 << 20;
/** How long `verify` is held before it is answered with `SEARCH_PENDING`. */
const HOLD_MS = 30_000;

const names = Object.keys(spidServerOperations) as SpidServerOperationName[];
const submissions: Partial<Record<SpidServerOperationName, SpidKind>> = {
  enroll: 'spid.enroll',
  verify: 'spid.verify',
};
const isRouted = (name: SpidServerOperationName) => {
  const { writes, deprecated } = spidServerOperations[name];
  return !deprecated && (!writes || name in submissions);
};

/** Operations of the table that the face answers. */
export const routedSpidOperations: readonly SpidServerOperationName[] = names.filter(isRouted);
/** Those that it does not know yet: writes other than the two submissions, and the deprecated family. A caller gets 404. */
export const unroutedSpidOperations: readonly SpidServerOperationName[] = names.filter((name) => !isRouted(name));

/** Reads by the id of a transaction, which may be one of ours: the variable that holds it, and the kind that it has to be of. */
const byId: Partial<Record<SpidServerOperationName, { variable: string; kind?: SpidKind }>> = {
  getEnrollResult: { variable: 'id', kind: 'spid.enroll' },
  getSearchResult: { variable: 'tguid', kind: 'spid.verify' },
  getTransactionGuid: { variable: 'guid' },
  getTransactionData: { variable: 'tguid' },
  generateReport: { variable: 'tguid' },
};

type Request = FastifyRequest<{ Params: Record<string, string> }>;

/** `/gbs-spid-server/…`: SPID Server 4.2.12 as Griaule documents it, its submissions made durable. */
export const spidServerFaceRoutes: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  await app.register(
    async (face) => {
      // Raw: the body is checked once and posted as it came.
      face.removeAllContentTypeParsers();
      face.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
      face.setErrorHandler(spidErrorHandler(context.log));
      face.setNotFoundHandler((_request, reply) => sendSpidError(reply, 404, 'There is nothing here.'));

      for (const name of routedSpidOperations) {
        const row = spidServerOperations[name];
        const kind = submissions[name];
        face.route<{ Params: Record<string, string> }>({
          method: row.method,
          url: row.path.slice(ROOT.length).replaceAll(/\{(\w+)\}/g, ':$1'),
          bodyLimit: BODY_BYTES_MAX,
          config: {
            access: ['system'],
            refuse: (reply, why) =>
              why === 'unauthenticated'
                ? sendSpidError(reply, 401, 'A key is needed: Authorization: Bearer <key>')
                : sendSpidError(reply, 403, 'This key does not open this route.'),
          },
          schema: { hide: true },
          handler: kind
            ? (request, reply) => submit(context, kind, request, reply)
            : (request, reply) => read(context, name, request, reply),
        });
      }
    },
    { prefix: ROOT },
  );
};

async function submit(context: GatewayContext, kind: SpidKind, request: Request, reply: FastifyReply) {
  const { principal, body, headers } = request;
  if (!Buffer.isBuffer(body)) throw new SpidRefusal(400, ['body: missing']);
  const key = headers['idempotency-key'];
  const accepted = await acceptSpidBody(context, principal, kind, body, typeof key === 'string' ? key : undefined);
  if (kind === 'spid.enroll') return sendOwnResult(reply, accepted.transaction);
  const row = await awaitTransaction(
    context,
    accepted.transaction,
    Math.min(HOLD_MS, context.limits.waitMsMax),
    ({ state }) => isSettled(state) || state === 'awaiting',
    callerGone(reply),
  );
  return sendOwnResult(reply, row);
}

async function read(context: GatewayContext, name: SpidServerOperationName, request: Request, reply: FastifyReply) {
  const row: SpidServerOperation = spidServerOperations[name];
  const { params } = request;
  const problems = checkPathParams(row.path, params);
  if (problems.length > 0) throw new SpidRefusal(400, problems);
  const query = row.query?.safeParse(request.query);
  if (query && !query.success) {
    throw new SpidRefusal(
      400,
      query.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`),
    );
  }
  const asked = { params, query: query?.data as Record<string, string> | undefined };
  const id = byId[name];
  if (!id) return repeatRead(context, name, asked, reply);

  const own = await findOwn(context, request.principal, params[id.variable] ?? '');
  if (own.kind === 'elsewhere') return repeatRead(context, name, asked, reply);
  if (own.kind === 'hidden' || (id.kind && own.row.kind !== id.kind)) {
    return sendSpidError(reply, 404, 'There is no such transaction.');
  }
  if (name === 'getTransactionGuid') return sendOwnByGuid(reply, own.row);
  if (id.kind) return sendOwnResult(reply, own.row);
  // What only the upstream has, by the id that it knows.
  const { upstreamId } = own.row;
  if (!upstreamId) return sendSpidError(reply, 409, 'SPID Server has not taken the transaction yet.');
  return repeatRead(context, name, { params: { tguid: upstreamId } }, reply);
}
