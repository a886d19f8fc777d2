import { randomUUID } from 'node:crypto';
import type { IdcloudErrorCode } from '@atesto/shared/contracts/idcloud-client';
import { IDCLOUD_MAX_IMAGE_BYTES, idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { isSettled } from '@atesto/shared/domain/transaction';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { acceptIdcloud } from '../intake/accept-idcloud.ts';
import { awaitTransaction } from '../intake/await-transaction.ts';
import { IdcloudRefusal } from '../intake/idcloud-checks.ts';
import { idFromIdempotencyKey } from '../intake/transaction-id.ts';
import { ProblemError } from '../problem.ts';
import { callerGone } from './caller-gone.ts';

/** Base64 of the largest picture, and room for the rest of the body. */
const BODY_BYTES_MAX = Math.ceil(IDCLOUD_MAX_IMAGE_BYTES * 1.4) + 64 * 1024;
/** How long a create call is held before it is answered with `status: 1`. IDCloud itself takes two seconds. */
const HOLD_MS = 30_000;

function refuse(reply: FastifyReply, code: IdcloudErrorCode): FastifyReply {
  const { status, description } = idcloudErrors[code];
  return reply.code(status).send({ error: { code: Number(code), description } });
}

/** `POST /idcloud/processes/v1`: IDCloud by Client as Unico documents it, made durable. */
export const idcloudRoutes: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  // Raw: the body is checked once and posted as it came.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof IdcloudRefusal) return refuse(reply, error.code);
    if (error instanceof ProblemError) {
      return reply
        .code(409)
        .send({ error: { code: 409, description: 'This Idempotency-Key stands for another body.' } });
    }
    const status = (error as { statusCode?: number }).statusCode;
    if (status === 413) return refuse(reply, 20506);
    if (status === 400 || status === 415) return refuse(reply, 20003);
    context.log.error('request-failed', { error, route: request.routeOptions.url ?? 'none' });
    return refuse(reply, 99999);
  });

  app.post(
    '/idcloud/processes/v1',
    {
      bodyLimit: BODY_BYTES_MAX,
      config: {
        access: ['system'],
        // The vendor complains about absent headers before it looks at their values.
        refuse: (reply) => {
          const { authorization, apikey } = reply.request.headers;
          return refuse(reply, !authorization ? 20001 : !apikey ? 20002 : 10501);
        },
      },
      schema: { hide: true },
    },
    async (request, reply) => {
      const { apikey, 'idempotency-key': idempotencyKey } = request.headers;
      if (!apikey) return refuse(reply, 20002);
      if (apikey !== context.idcloudApiKey) return refuse(reply, 10201);
      if (!Buffer.isBuffer(request.body)) return refuse(reply, 20003);
      const { principal } = request;
      const id =
        typeof idempotencyKey === 'string' && idempotencyKey.length <= 200
          ? idFromIdempotencyKey(context.keyRing, principal, idempotencyKey)
          : randomUUID();
      const accepted = await acceptIdcloud(context, principal, id, request.body);
      const row = await awaitTransaction(
        context,
        accepted.transaction,
        HOLD_MS,
        (now) => isSettled(now.state) || now.state === 'awaiting',
        callerGone(reply),
      );
      return answer(reply, row);
    },
  );
};

/** The vendor's answer, under our id: it stays valid when the upstream's is not known yet. */
function answer(reply: FastifyReply, row: TransactionRow): FastifyReply {
  if (row.state === 'dead') {
    const code = Number(row.result?.upstreamCode);
    if (Object.hasOwn(idcloudErrors, code)) return refuse(reply, code as IdcloudErrorCode);
    // Dead without the upstream's own word: a person looks at it. The contract's word for that is 5.
    return reply.code(200).send({ id: row.id, status: 5 });
  }
  return reply.code(200).send({ status: 1, ...row.result, id: row.id });
}
