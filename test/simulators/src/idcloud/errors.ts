import { type IdcloudErrorCode, idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { unicoOperations } from '@atesto/shared/contracts/idcloud-unico';
import type { FastifyReply } from 'fastify';

/** Answers with a row of the error tables, in edition D's envelope. */
export function sendError(reply: FastifyReply, code: IdcloudErrorCode): FastifyReply {
  const { status, description } = idcloudErrors[code];
  return sendEnvelope(reply, status, code, description);
}

/** Answers with the identity host's error: the code stands inside the description (section 1.5). */
export function sendTokenError(reply: FastifyReply, status: number, code: string): FastifyReply {
  const body = { error: 'server_error', error_description: `Falha na autenticação ${code}` };
  return reply.code(status).type('application/json').send(JSON.stringify(body));
}

/** The errors of by Unico that do not say which field is wrong (sections 3.3 and 3.4). */
export const unicoErrors = {
  badId: { status: 400, code: 3, message: 'process id is invalid' },
  noPermission: { status: 403, code: 7, message: 'no permission' },
  notFound: {
    status: 404,
    code: 5,
    message: 'error getting process: rpc error: code = NotFound desc = process not found',
  },
  internal: { status: 500, code: 99999, message: 'Internal failure! Try again later' },
} as const;

/** Answers as by Unico's gRPC gateway does. */
export function sendUnicoError(
  reply: FastifyReply,
  { status, code, message }: { status: number; code: number; message: string },
): FastifyReply {
  return reply
    .code(status)
    .type('application/json')
    .send(JSON.stringify({ code, message, details: [] }));
}

/** 401 of by Unico: the proxy's plain text. */
export function sendJwtError(reply: FastifyReply, text: string): FastifyReply {
  return reply.code(401).type('text/plain').send(text);
}

/**
 * The error of a fault: the identity host's for a code such as 1.2.7, a row of by Client's tables or by Unico's gRPC error where `code` is one, and only
 * the status otherwise (429 and the proxy's have no body).
 */
export function sendFault(reply: FastifyReply, status: number, code?: string): FastifyReply {
  const { operation = '' } = reply.request.routeOptions.config;
  if (code !== undefined && /^\d+\.\d+\.\d+$/.test(code)) return sendTokenError(reply, status, code);
  if (Object.hasOwn(unicoOperations, operation)) return sendUnicoFault(reply, status, operation, code);
  const row = Object.entries(idcloudErrors).find(([known]) => known === code);
  if (row) return sendEnvelope(reply, status, Number(row[0]), row[1].description);
  if (status === 500) return sendEnvelope(reply, status, 99999, idcloudErrors[99999].description);
  return reply.code(status).send();
}

function sendUnicoFault(reply: FastifyReply, status: number, operation: string, code?: string): FastifyReply {
  if (status === 401) return sendJwtError(reply, code ?? 'Jwt is expired');
  if (status === 500 && operation.startsWith('getSigned')) return sendSignError(reply);
  const known = Object.values(unicoErrors).find((one) => one.status === status);
  if (known) return sendUnicoError(reply, known);
  return code === undefined
    ? reply.code(status).send()
    : sendUnicoError(reply, { status, code: Number(code), message: 'fault' });
}

/** The signature service's 500, with its spelling. */
function sendSignError(reply: FastifyReply): FastifyReply {
  return reply
    .code(500)
    .type('application/json')
    .send(JSON.stringify({ Sucess: false, Message: null, Data: null }));
}

function sendEnvelope(reply: FastifyReply, status: number, code: number, description: string): FastifyReply {
  const body = JSON.stringify({ error: { code, description } });
  return reply.code(status).type('application/json; charset=utf-8').send(body);
}
