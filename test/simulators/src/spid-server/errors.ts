import type { ErrorResponse, errorTypes } from '@atesto/shared/contracts/spid-server';
import type { FastifyReply } from 'fastify';

export type ErrorType = (typeof errorTypes)[number];

/** The type that goes with a status where nothing better is known. */
export function errorTypeFor(status: number): ErrorType {
  if (status >= 500) return 'INTERNAL_ERROR';
  if (status === 401 || status === 403) return 'SECURITY_ERROR';
  return status === 404 || status === 409 ? 'PROCESSING_ERROR' : 'VALIDATION_ERROR';
}

/** Answers with SPID Server's error body. */
export function sendError(
  reply: FastifyReply,
  status: number,
  messages: readonly string[] = ['simulated'],
  type: string = errorTypeFor(status),
): FastifyReply {
  const body: ErrorResponse = { errors: messages.map((message) => ({ type, message })), type };
  return reply.code(status).type('application/json').send(JSON.stringify(body));
}
