import type { IncomingMessage } from 'node:http';
import { letGo } from '@atesto/shared/vault/let-go';
import type { FastifyRequest } from 'fastify';
import { errorCodes } from 'fastify';

/**
 * A content type parser that gives the bytes as they came, in one piece: what Fastify does with `parseAs: 'buffer'`, but what came from the socket is let go
 * of as soon as it is copied. Hundreds of kilobytes a request outside its heap are full collections for V8.
 * @throws Fastify's errors of a body that is too large, or is not as long as it said
 */
export async function wholeBody({ headers, routeOptions }: FastifyRequest, payload: IncomingMessage): Promise<Buffer> {
  const limit = routeOptions.bodyLimit;
  const promised = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  if (promised !== undefined && promised > limit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left open where it is refused half-way: the caller gets its answer on a sane connection.
  for await (const chunk of payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
    chunks.push(chunk);
  }
  if (promised !== undefined && bytes !== promised) throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH();
  const whole = Buffer.concat(chunks, bytes);
  chunks.forEach(letGo);
  return whole;
}
