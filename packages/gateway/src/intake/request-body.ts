import { on } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { letGo } from '@atesto/shared/vault/let-go';
import type { FastifyRequest } from 'fastify';
import { errorCodes } from 'fastify';

/** Chunks of 64 KiB that wait for whoever reads them before the socket has to. */
const CHUNKS_AHEAD = 8;

/**
 * A body's bytes as they come, by the stream's `data`: its own iterator joins what has come meanwhile, and both the copy and its parts are left to the collector.
 * The stream is left open where nobody reads on: the caller gets its answer on a sane connection.
 * @throws Fastify's error of a body that is not as long as it said, where the caller hung up half-way: nothing of ours has failed
 */
export async function* chunksOf(payload: IncomingMessage): AsyncGenerator<Buffer, void, undefined> {
  try {
    if (payload.readableEnded) return;
    for await (const [chunk] of on(payload, 'data', { close: ['end', 'close'], highWaterMark: CHUNKS_AHEAD }))
      yield chunk;
  } catch {
    throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH();
  }
  if (!payload.complete) throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH();
}

/**
 * A content type parser that gives the bytes as they came, in one piece: what Fastify does with `parseAs: 'buffer'`, but what came from the socket is let go
 * of as soon as it is copied. Hundreds of kilobytes a request outside its heap are full collections for V8.
 * @throws Fastify's errors of a body that is too large, or is not as long as it said
 */
export async function wholeBody({ headers, routeOptions }: FastifyRequest, payload: IncomingMessage): Promise<Buffer> {
  const limit = routeOptions.bodyLimit;
  if (Number(headers['content-length'] ?? 0) > limit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(payload)) {
    bytes += chunk.length;
    if (bytes > limit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
    chunks.push(chunk);
  }
  const whole = Buffer.concat(chunks, bytes);
  chunks.forEach(letGo);
  return whole;
}
