import { type IdcloudErrorCode, idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { isLedgerAway } from '@atesto/shared/ledger/passing-failure';
import type { Log } from '@atesto/shared/telemetry/log';
import { VaultError } from '@atesto/shared/vault/vault-error';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { IdcloudAway, IdcloudConflict, IdcloudRefusal } from '../intake/idcloud-refusal.ts';

/** Answers with IDCloud's error body of edition D. */
export function refuse(reply: FastifyReply, code: IdcloudErrorCode): FastifyReply {
  const { status, description } = idcloudErrors[code];
  return send(reply, status, Number(code), description);
}

/** The face's error handler: whatever goes wrong is said in the vendor's form. */
export function idcloudErrorHandler(log: Log) {
  return (error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof IdcloudRefusal) return refuse(reply, error.code);
    if (error instanceof IdcloudConflict) return send(reply, 409, 409, error.message);
    if (error instanceof IdcloudAway) {
      reply.header('retry-after', String(error.retryAfterSeconds));
      return error.status === 429 ? send(reply, 429, 429, 'Too many requests.') : sendAway(reply);
    }
    const route = request.routeOptions.url ?? 'none';
    if (error instanceof VaultError || isLedgerAway(error)) {
      log.error('storage-failed', { error, route });
      reply.header('retry-after', '1');
      return sendAway(reply);
    }
    const status = error.statusCode ?? 500;
    if (status === 413) return refuse(reply, 20506);
    if (status >= 400 && status < 500) return refuse(reply, 20003);
    log.error('request-failed', { error, route });
    return refuse(reply, 99999);
  };
}

/** Nothing was accepted, or nothing could be read. */
function sendAway(reply: FastifyReply): FastifyReply {
  return send(reply, 503, 99999, idcloudErrors[99999].description);
}

function send(reply: FastifyReply, status: number, code: number, description: string): FastifyReply {
  return reply.code(status).send({ error: { code, description } });
}
