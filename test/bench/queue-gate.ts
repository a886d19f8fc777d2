import type { QueueBackend } from '@atesto/shared/queues/queues';
import { createPostgresBackend, Queue, withBackend } from 'bullmq';
import { Redis } from 'ioredis';

/** Holds a queue's jobs back until all of a round are in line; its workers are up and connected meanwhile. */
export interface QueueGate {
  close(): Promise<void>;
  open(): Promise<void>;
  /** Ends its connection. */
  release(): Promise<void>;
}

/** As `packages/shared/src/queues/queues.ts` has it. Were it another one, the gate would hold nothing and a round would end in its preparation. */
const PREFIX = '{atesto}';

export async function openGate(name: string, backend: QueueBackend): Promise<QueueGate> {
  const connection = backend.kind === 'redis' ? new Redis(backend.url, { maxRetriesPerRequest: null }) : undefined;
  const queue = connection
    ? new Queue(name, { connection, prefix: PREFIX })
    : new (withBackend(createPostgresBackend).Queue)(name, {
        connection: { connectionString: backend.url, migrate: true },
      });
  await queue.waitUntilReady();
  return {
    close: () => queue.pause(),
    open: () => queue.resume(),
    async release() {
      await queue.close();
      connection?.disconnect();
    },
  };
}
