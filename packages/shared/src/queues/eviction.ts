import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Cluster } from 'ioredis';
import type { QueueBackend } from './backend.ts';
import { connectProducer, type RedisConnection } from './connection.ts';

/** One that does not answer by then is away, and is not asked: the house starts without its queue. */
const PATIENCE_MS = 2_000;

/**
 * Looks how the queue's Redis makes room when its memory is full. One that evicts takes away whatever part of a queue's books it chooses, and nobody hears
 * of it: the ledger makes up for jobs that are lost, not for what BullMQ makes of half of them.
 * @returns its `maxmemory-policy` where that is not `noeviction`; of a Cluster, of the first master that has another
 */
export async function evictionOf(backend: QueueBackend): Promise<string | undefined> {
  if (backend.kind === 'postgres') return undefined;
  const connection = connectProducer(backend);
  // What is away is reported by who works with it.
  connection.on('error', () => undefined);
  const patience = new AbortController();
  try {
    return await Promise.race([policyOf(connection), delay(PATIENCE_MS, undefined, { signal: patience.signal })]);
  } finally {
    patience.abort();
    connection.disconnect();
  }
}

async function policyOf(connection: RedisConnection): Promise<string | undefined> {
  if (connection.status !== 'ready') await new Promise<void>((resolve) => connection.once('ready', resolve));
  const masters: Redis[] = connection instanceof Cluster ? connection.nodes('master') : [connection];
  // A user who may not ask is not told.
  const found = await Promise.all(masters.map((master) => master.info('memory').catch(() => '')));
  return found
    .map((memory) => /^maxmemory_policy:(\S+)/m.exec(memory)?.[1])
    .find((policy) => policy !== undefined && policy !== 'noeviction');
}
