import { type IdcloudErrorCode, idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import type { FastifyReply } from 'fastify';

/** Rows that only the simulator says, beside those of the contract. Messages are the vendor's, verbatim. */
const further = {
  10502: { status: 403, description: 'O token informado está expirado.' },
  30017: { status: 403, description: 'Jwt header is an invalid JSON.' },
  10506: { status: 400, description: 'The bundle is invalid.' },
  10507: { status: 400, description: 'The JWT with the captured face is expired.' },
  10508: { status: 400, description: 'The JWT with the captured face has already been used.' },
  20023: { status: 400, description: 'O parâmetro processId não foi informado.' },
  50001: { status: 404, description: 'O processo informado não foi encontrado.' },
} as const;

export type ErrorCode = IdcloudErrorCode | keyof typeof further;
const table: Readonly<Record<ErrorCode, { status: number; description: string }>> = { ...idcloudErrors, ...further };

/** Answers with a row of the error tables, in edition D's envelope. */
export function sendError(reply: FastifyReply, code: ErrorCode): FastifyReply {
  const { status, description } = table[code];
  return sendEnvelope(reply, status, code, description);
}

/** Answers with the identity host's error: the code stands inside the description (section 1.5). */
export function sendTokenError(reply: FastifyReply, status: number, code: string): FastifyReply {
  const body = { error: 'server_error', error_description: `Falha na autenticação ${code}` };
  return reply.code(status).type('application/json').send(JSON.stringify(body));
}

/**
 * The error of a fault: the identity host's for a code such as 1.2.7, a row of the tables where `code` is one, and only the status
 * otherwise (429 and the proxy's have no body).
 */
export function sendFault(reply: FastifyReply, status: number, code?: string): FastifyReply {
  if (code !== undefined && /^\d+\.\d+\.\d+$/.test(code)) return sendTokenError(reply, status, code);
  const row = Object.entries(table).find(([known]) => known === code);
  if (row) return sendEnvelope(reply, status, Number(row[0]), row[1].description);
  if (status === 500) return sendEnvelope(reply, status, 99999, table[99999].description);
  return reply.code(status).send();
}

function sendEnvelope(reply: FastifyReply, status: number, code: number, description: string): FastifyReply {
  const body = JSON.stringify({ error: { code, description } });
  return reply.code(status).type('application/json; charset=utf-8').send(body);
}
