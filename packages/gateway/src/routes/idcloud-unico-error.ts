import { idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { isLedgerAway } from '@atesto/shared/ledger/passing-failure';
import type { Log } from '@atesto/shared/telemetry/log';
import { VaultError } from '@atesto/shared/vault/vault-error';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { IdcloudAway, IdcloudConflict, IdcloudRefusal } from '../intake/idcloud-refusal.ts';
import { UnicoRefusal } from '../intake/unico-refusal.ts';

const INTERNAL = idcloudErrors[99999].description;

/** Answers with the error body of by Unico. */
export function sendUnicoError(reply: FastifyReply, status: number, code: number, message: string): FastifyReply {
  return reply.code(status).send({ code, message, details: [] });
}

/** The face's error handler: whatever goes wrong is said in the vendor's form. */
export function unicoErrorHandler(log: Log) {
  return (error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof UnicoRefusal) return sendUnicoError(reply, error.status, error.code, error.message);
    // A process that the body refers to.
    if (error instanceof IdcloudRefusal) return sendUnicoError(reply, 400, 3, 'the process referred to is not known');
    if (error instanceof IdcloudConflict) return sendUnicoError(reply, 409, 9, error.message);
    if (error instanceof IdcloudAway) {
      reply.header('retry-after', String(error.retryAfterSeconds));
      return error.status === 429
        ? sendUnicoError(reply, 429, 8, 'too many requests')
        : sendUnicoError(reply, 503, 99999, INTERNAL);
    }
    const route = request.routeOptions.url ?? 'none';
    if (error instanceof VaultError || isLedgerAway(error)) {
      log.error('storage-failed', { error, route });
      reply.header('retry-after', '1');
      return sendUnicoError(reply, 503, 99999, INTERNAL);
    }
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) return sendUnicoError(reply, status, 3, 'invalid request body');
    log.error('request-failed', { error, route });
    return sendUnicoError(reply, 500, 99999, INTERNAL);
  };
}
