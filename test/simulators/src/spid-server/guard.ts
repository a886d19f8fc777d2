import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { checkPathParams } from '@atesto/shared/contracts/spid-server-params';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from './errors.ts';

/** The session family has its own credentials, and what monitors ask of it is open. */
const open = new Set(['deprecatedPing', 'deprecatedAuthenticate']);

/** What stands before every handler: HTTP Basic, where asked for, and the form of the path's variables. */
export function guardOf(
  name: string,
  operation: SpidServerOperation,
  credentials: { username: string; password: string } | undefined,
) {
  const expected =
    credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
  const isGuarded = expected !== undefined && !open.has(name);
  // An operation that declares errors without 401 has 403 for it.
  const refusal = operation.errors.length === 0 || operation.errors.includes(401) ? 401 : 403;
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (isGuarded && request.headers.authorization !== expected) {
      return sendError(reply, refusal, ['credentials are missing or wrong']);
    }
    const errors = checkPathParams(operation.path, request.params as Record<string, string>);
    if (errors.length > 0) return sendError(reply, 400, errors);
  };
}
