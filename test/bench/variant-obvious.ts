import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { bodyOf } from './bodies.ts';
import { CONCURRENCY, ENROLL_PATH, inParallel, numbersIn, RoundClock, type Variant } from './variant.ts';

/**
 * What is written first: the request, pictures in base64 and all, is the job's data, and the worker posts it with `fetch`. The pictures lie in Redis
 * in clear, and a worker that dies after the POST sends it again.
 */
export function openObvious({ stub, redis }: { stub: string; redis: string }): Variant {
  const connection = new Redis(redis, { maxRetriesPerRequest: null });
  const queue = new Queue('obvious', { connection });
  let clock = new RoundClock(0);
  const worker = new Worker(
    'obvious',
    async (job) => {
      clock.begin(job.name);
      const response = await fetch(stub + ENROLL_PATH, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(job.data),
      });
      if (!response.ok) throw new Error(`answered with ${response.status}`);
      return await response.json();
    },
    { connection, concurrency: CONCURRENCY },
  );
  worker.on('completed', (job) => clock.done(job.name));
  worker.on('failed', (_job, error) => clock.fail(error));
  worker.on('error', (error) => clock.fail(error));
  return {
    async prepare(range) {
      await worker.waitUntilReady();
      await queue.pause();
      clock = new RoundClock(range.count);
      // Removed when done: kept, as is BullMQ's default, they would fill Redis.
      await inParallel(numbersIn(range), 10, (number) =>
        queue.add(String(number), JSON.parse(bodyOf(number).toString()), { removeOnComplete: true }),
      );
    },
    async run() {
      await queue.resume();
      return await clock.end();
    },
    async finish() {
      const left = await queue.getJobCounts('waiting', 'active', 'failed');
      if (Object.values(left).some((count) => count > 0)) throw new Error(`jobs are left: ${JSON.stringify(left)}`);
    },
    async close() {
      await worker.close();
      await queue.close();
      connection.disconnect();
    },
  };
}
