import type { ErrorResponse, errorTypes } from '@atesto/shared/contracts/spid-server';
import { isLedgerAway } from '@atesto/shared/ledger/passing-failure';
import type { Log } from '@atesto/shared/telemetry/log';
import { VaultError } from '@atesto/shared/vault/vault-error';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { SpidRefusal } from '../intake/spid-submission.ts';

type ErrorType = (typeof errorTypes)[number];

function typeFor(status: number): ErrorType {
  if (status === 401 || status === 403) return 'SECURITY_ERROR';
  if (status === 404 || status === 409 || status === 503) return 'PROCESSING_ERROR';
  return status >= 500 ? 'INTERNAL_ERROR' : 'VALIDATION_ERROR';
}

/** Answers with SPID Server's error body. Messages are ours: they name no value. */
export function sendSpidError(reply: FastifyReply, status: number, ...messages: string[]): FastifyReply {
  const type = typeFor(status);
  const body: ErrorResponse = { errors: messages.map((message) => ({ type, message })), type };
  return reply.code(status).type('application/json').send(JSON.stringify(body));
}

const unreadable: Readonly<Record<number, string>> = {
  413: 'The body is too large.',
  415: 'The body has to be JSON: Content-Type: application/json',
};

/** The face's error handler: whatever goes wrong is said in the vendor's form. */
export function spidErrorHandler(log: Log) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof SpidRefusal) return sendSpidError(reply, error.status, ...error.messages);
    const route = request.routeOptions.url ?? 'none';
    if (error instanceof VaultError || isLedgerAway(error)) {
      log.error('storage-failed', { error, route });
      return sendSpidError(reply, 503, 'Nothing can be stored at the moment: nothing was accepted, try again.');
    }
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) {
      return sendSpidError(reply, status, unreadable[status] ?? 'The request cannot be read.');
    }
    log.error('request-failed', { error, route });
    return sendSpidError(reply, 500, 'Something went wrong here; it has been logged.');
  };
}
