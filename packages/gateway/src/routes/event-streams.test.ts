import { EventEmitter, once } from 'node:events';
import fastify from 'fastify';
import { expect, it } from 'vitest';
import { EventStreams } from './event-streams.ts';

/** A feed that counts who listens. */
function countingFeed() {
  const feed = new EventEmitter();
  const subscribe = (id: string, listener: () => void) => {
    feed.on(id, listener);
    return () => void feed.off(id, listener);
  };
  return { feed, subscribe, close: async () => {} };
}

it('is not opened for a caller who hung up before', async () => {
  const feed = countingFeed();
  const streams = new EventStreams(feed);
  const app = fastify();
  const came = Promise.withResolvers<void>();
  let listening: number | undefined;
  app.get('/', async (_request, reply) => {
    came.resolve();
    await once(reply.raw, 'close');
    streams.open(reply, 'id', async () => {});
    listening = feed.feed.listenerCount('id');
    return reply;
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const gone = new AbortController();
  const call = fetch(url, { signal: gone.signal }).catch(() => undefined);
  await came.promise;
  gone.abort();
  await call;
  await expect.poll(() => listening).toBe(0);
  streams.close();
  await app.close();
});
