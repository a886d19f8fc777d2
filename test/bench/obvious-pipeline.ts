/** The obvious pipeline's two services, each in a process of its own: `gateway` takes the request's JSON and makes it a job, `worker` posts it. */
import { Queue } from 'bullmq';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import { answerParent } from './child.ts';
import { OBVIOUS_QUEUE, startObviousWorker } from './obvious-worker.ts';
import { ENROLL_PATH } from './variant.ts';

const [role, redis = '', stub = ''] = process.argv.slice(2);
const connection = new Redis(redis, { maxRetriesPerRequest: null });

if (role === 'gateway') {
  const queue = new Queue(OBVIOUS_QUEUE, { connection });
  const server = fastify({ logger: false, bodyLimit: 32 << 20 });
  server.post(ENROLL_PATH, async (request) => {
    const { id, timestamp } = await queue.add('enroll', request.body, { removeOnComplete: true });
    return { id, timestamp };
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  answerParent({
    url: () => url,
    /** Jobs that are not done. @throws Error when one failed */
    left: async () => {
      const { failed = 0, ...left } = await queue.getJobCounts('waiting', 'active', 'failed');
      if (failed > 0) throw new Error(`${failed} jobs failed`);
      return Object.values(left).reduce((sum, count) => sum + count, 0);
    },
  });
} else {
  const worker = startObviousWorker(stub, connection);
  worker.on('error', (error) => console.error(error));
  await worker.waitUntilReady();
  answerParent({ url: () => '' });
}
