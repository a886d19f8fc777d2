// The least that an answer costs which means "on disk": Fastify as it comes, and the vault's own files with their fsyncs. In clear, or (second argument)
// hashed and sealed; nobody knows of them.
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault } from '@atesto/shared/vault/vault';
import fastify from 'fastify';
import { chunksOf } from '../../packages/gateway/src/intake/request-body.ts';
import { answerParent } from './child.ts';

const [dir = '.', how] = process.argv.slice(2);
const store = await createFileStore(dir);
const vault = createVault({ keyRing: createKeyRing([{ id: 'bench', key: generateKey() }], generateKey()), store });

async function* hashed(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  hash.digest();
}

const server = fastify({ logger: false, bodyLimit: 12_000_000 });
server.addContentTypeParser('image/png', (_request, payload, done) => done(null, payload));
server.put<{ Body: IncomingMessage }>('/v1/captures/:id', async ({ body }, reply) => {
  if (how === 'sealed') await vault.put(randomUUID(), hashed(chunksOf(body)));
  else await store.write(randomUUID(), chunksOf(body));
  return reply.code(201).send({});
});
const url = await server.listen({ host: '127.0.0.1', port: 0 });
answerParent({ url: () => url });
