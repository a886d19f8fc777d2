import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { CONCURRENCY, ENROLL_PATH } from './variant.ts';

export const OBVIOUS_QUEUE = 'obvious';

/**
 * The worker that is written first: the request, pictures in base64 and all, is the job's data and is posted with `fetch`. The pictures lie in Redis in clear,
 * and a worker that dies after the POST sends it again.
 */
export function startObviousWorker(stub: string, connection: Redis, onBegin: (name: string) => void = () => {}) {
  return new Worker(
    OBVIOUS_QUEUE,
    async (job) => {
      onBegin(job.name);
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
}
