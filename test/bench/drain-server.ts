// What a binary body costs where it is read and thrown away: Fastify as it comes.
import fastify from 'fastify';
import { answerParent } from './child.ts';

const server = fastify({ logger: false, bodyLimit: 12_000_000 });
server.addContentTypeParser('image/png', (_request, payload, done) => {
  payload.on('end', () => done(null)).resume();
});
server.put('/v1/captures/:id', async (_request, reply) => reply.code(201).send({}));
const url = await server.listen({ host: '127.0.0.1', port: 0 });
answerParent({ url: () => url });
