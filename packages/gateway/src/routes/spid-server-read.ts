import { errorResponse } from '@atesto/shared/contracts/spid-server';
import type { SpidServerAnswer } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { type HttpAnswer, parseJson } from '@atesto/shared/upstreams/exchange';
import { understand } from '@atesto/shared/upstreams/spid-answer';
import type { SpidRequest } from '@atesto/shared/upstreams/spid-connection';
import type { FastifyReply } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { callerGone } from './caller-gone.ts';
import { sendSpidError } from './spid-server-error.ts';

/**
 * Refusals that are about what the caller asked. The others are between us and the upstream (401 and 403 are about our credentials), and to
 * the caller they mean that it is away.
 */
const callersOwn = new Set([400, 404, 409, 415, 422, 500]);
/** Of the deprecated family 403 is about the caller's session. */
const sessionsOwn = new Set([...callersOwn, 403]);

/**
 * Makes a call that changes nothing worth keeping and repeats its answer: status and body as they came, where the body is what the operation
 * promises.
 */
export async function passOn(
  { spid }: { spid: Pick<GatewayContext['spid'], 'send'> },
  name: SpidServerOperationName,
  request: Omit<SpidRequest, 'signal'>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const answer = await spid.send(name, { ...request, signal: callerGone(reply) });
  if (answer.kind === 'none') return sendAway(reply);
  const row = spidServerOperations[name];
  if (!(row.success as readonly number[]).includes(answer.status)) {
    return repeatFailure(answer, row.deprecated ? sessionsOwn : callersOwn, reply);
  }
  const understood = answer.body && understand(row.answer, answer.body);
  if (!understood || understood === 'empty') {
    return sendSpidError(reply, 503, 'SPID Server answered what cannot be read: try again later.');
  }
  reply.code(answer.status);
  // A success that may come without a body, and whose body is none.
  if (understood.value === undefined) return reply.send();
  return reply
    .type(typeOf(row.answer, answer))
    .send(row.answer.form === 'report' ? understood.value : (answer.body as Buffer));
}

function typeOf({ form }: SpidServerAnswer, { headers }: HttpAnswer): string {
  if (form === 'json') return 'application/json';
  if (form === 'report') return 'application/pdf';
  const said = headers['content-type'];
  return typeof said === 'string' ? said : form === 'text' ? 'text/plain' : 'application/octet-stream';
}

function repeatFailure(
  { status, headers, body }: HttpAnswer,
  isOwn: ReadonlySet<number>,
  reply: FastifyReply,
): FastifyReply {
  if (!isOwn.has(status)) {
    const retryAfter = headers['retry-after'];
    if (typeof retryAfter === 'string') reply.header('retry-after', retryAfter);
    return sendAway(reply);
  }
  if (body && errorResponse.safeParse(parseJson(body)).success) {
    return reply.code(status).type('application/json').send(body);
  }
  return sendSpidError(reply, status, status === 404 ? 'There is nothing here.' : 'SPID Server refused the request.');
}

function sendAway(reply: FastifyReply): FastifyReply {
  return sendSpidError(reply, 503, 'SPID Server does not answer: try again later.');
}
