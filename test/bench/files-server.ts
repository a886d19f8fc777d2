// The least that an answer costs which means "on disk": Fastify as it comes, and the vault's own files with their fsyncs. In clear, and nobody knows of them.
import { randomUUID } from 'node:crypto';
import { createFileStore } from '@atesto/shared/vault/file-store';
import fastify from 'fastify';
import { answerParent } from './child.ts';

const [dir = '.'] = process.argv.slice(2);
const store = await createFileStore(dir);
const server = fastify({ logger: false, bodyLimit: 12_000_000 });
server.addContentTypeParser('image/png', (_request, payload, done) => done(null, payload));
server.put<{ Body: AsyncIterable<Uint8Array> }>('/v1/captures/:id', async ({ body }, reply) => {
  await store.write(randomUUID(), body);
  return reply.code(201).send({});
});
const url = await server.listen({ host: '127.0.0.1', port: 0 });
answerParent({ url: () => url });
