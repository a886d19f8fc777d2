// The least that an answer costs which means "on disk": Fastify as it comes, a file for each body, in as many folders as the vault has, and fsync of the file
// and of its folder. In clear, and nobody knows of it.
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import fastify from 'fastify';
import { answerParent } from './child.ts';

const [dir = '.'] = process.argv.slice(2);
const folders = Array.from({ length: 256 }, (_, i) => path.join(dir, String(i)));
for (const folder of folders) await mkdir(folder, { recursive: true });
const sync = async (folder: string) => {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
};
let written = 0;

const server = fastify({ logger: false, bodyLimit: 12_000_000 });
server.addContentTypeParser('image/png', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
server.put<{ Body: Buffer }>('/v1/captures/:id', async ({ body }, reply) => {
  const name = written++;
  const folder = folders[name % folders.length] as string;
  const file = await open(path.join(folder, String(name)), 'wx');
  await file.write(body);
  await file.sync();
  await file.close();
  await sync(folder);
  return reply.code(201).send({});
});
const url = await server.listen({ host: '127.0.0.1', port: 0 });
answerParent({ url: () => url });
