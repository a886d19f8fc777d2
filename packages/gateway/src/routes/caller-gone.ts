import type { FastifyReply } from 'fastify';

/** Aborts when the caller hangs up before it is answered, at once for one who did already. */
export function callerGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  if (reply.raw.destroyed) gone.abort();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
