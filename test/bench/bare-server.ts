// What a call costs where nobody looks at it: Fastify as it comes, and one answer.
import fastify from 'fastify';

const [answer] = process.argv.slice(2);
const server = fastify({ logger: false });
server.get('/', (_request, reply) => reply.type('application/json; charset=utf-8').send(answer));
process.stdout.write(`${await server.listen({ host: '127.0.0.1', port: 0 })}\n`);
