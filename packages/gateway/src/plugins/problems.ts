import { isLedgerAway } from '@atesto/shared/ledger/passing-failure';
import type { Log } from '@atesto/shared/telemetry/log';
import { VaultError } from '@atesto/shared/vault/vault-error';
import type { FastifyError, FastifyReply } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ProblemCode, ProblemField } from '../problem.ts';
import { ProblemError, problemDocument } from '../problem.ts';

/** Answers with a problem document. */
export function sendProblem(reply: FastifyReply, code: ProblemCode, fields?: readonly ProblemField[]): FastifyReply {
  const document = problemDocument(code, fields);
  return reply.code(document.status).type('application/problem+json').send(JSON.stringify(document));
}

/** One error handler for native routes: named problems as they are, everything else as `internal` with a log line and no detail. */
export const problemsPlugin = fastifyPlugin<{ log: Log }>(async (app, { log }) => {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof ProblemError) return sendProblem(reply, error.code, error.fields);
    if (hasZodFastifySchemaValidationErrors(error)) {
      // Paths and rules only: zod's messages of these kinds do not quote the value, but the instance path is all a caller needs.
      const fields = error.validation.map((issue) => ({
        path: issue.instancePath || '/',
        problem: issue.keyword ?? 'invalid',
      }));
      return sendProblem(reply, 'invalid-request', fields);
    }
    if (error instanceof VaultError || isLedgerAway(error)) {
      log.error('storage-failed', { error, route: request.routeOptions.url ?? 'none' });
      return sendProblem(reply, 'storage-unavailable');
    }
    switch (error.statusCode) {
      case 400:
        return sendProblem(reply, 'invalid-request');
      case 413:
        return sendProblem(reply, 'body-too-large');
      case 415:
        return sendProblem(reply, 'unsupported-media-type');
      case 429:
        return sendProblem(reply, 'too-many-requests');
      default:
        log.error('request-failed', { error, route: request.routeOptions.url ?? 'none' });
        return sendProblem(reply, 'internal');
    }
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 'not-found'));
});
