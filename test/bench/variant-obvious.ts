import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { bodiesOf, numbersIn } from './bodies.ts';
import { OBVIOUS_QUEUE, startObviousWorker } from './obvious-worker.ts';
import { RoundClock } from './round-clock.ts';
import { inParallel, type Variant, type VariantSettings } from './variant.ts';

/** Queue and worker of the obvious pipeline, filled while the queue is paused. */
export function openObvious({ stub, redis, aim }: VariantSettings): Variant {
  const connection = new Redis(redis, { maxRetriesPerRequest: null });
  const queue = new Queue(OBVIOUS_QUEUE, { connection });
  const bodies = bodiesOf(aim);
  let clock = new RoundClock(0);
  const worker = startObviousWorker(stub, connection, (name) => clock.begin(name));
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
        queue.add(String(number), JSON.parse(bodies.of(number).toString()), { removeOnComplete: true }),
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
