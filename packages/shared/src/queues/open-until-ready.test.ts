import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Postgres, startPostgres } from '../../../../test/stack/postgres.ts';
import { waitFor } from '../../../../test/stack/wait-for.ts';
import { type Database, migrate, openDatabase } from '../ledger/database.ts';
import { isLedgerAway, isPassingFailure, whyNoStart } from '../ledger/passing-failure.ts';
import type { QueueBackend } from './backend.ts';
import { consume } from './consume.ts';
import { openQueues } from './queues.ts';

let postgres: Postgres;
let hog: Database;

beforeAll(async () => {
  postgres = await startPostgres({
    fsync: false,
    settings: { max_connections: '12', superuser_reserved_connections: '0', reserved_connections: '0' },
  });
  await migrate(postgres.url);
  hog = openDatabase({ url: postgres.url, max: 30 }, () => undefined);
});
afterAll(async () => {
  await hog?.end();
  await postgres?.stop();
});

/** Takes every connection that there is. @returns those, and with what the next one failed */
async function takeAll(): Promise<{ held: PoolClient[]; failure: unknown }> {
  const held: PoolClient[] = [];
  for (;;) {
    try {
      held.push(await hog.connect());
    } catch (failure) {
      return { held, failure };
    }
  }
}

it('gets to work when PostgreSQL has connections again, and leaves the process its time until then', async () => {
  const { held, failure } = await takeAll();
  expect(held.length).toBeGreaterThan(5);
  expect(isPassingFailure(failure)).toBe(true);
  expect(isLedgerAway(failure)).toBe(true);
  expect(whyNoStart(failure)).toContain('too-many-connections');

  const backend: QueueBackend = { kind: 'postgres', url: postgres.url, connections: 2 };
  const errors: Error[] = [];
  const onError = (error: Error) => errors.push(error);
  const queues = openQueues(backend, ['spid'], onError);
  const handled: string[] = [];
  const consumer = consume(backend, { queue: 'spid', concurrency: 2, onError }, async (_name, { id }) => {
    handled.push(id);
  });
  try {
    expect(await queues.isReachable()).toBe(false);
    await waitFor(() => errors.length >= 4, { what: 'several tries of both' });
    expect(errors.every(isPassingFailure)).toBe(true);
    for (const client of held) client.release(true);
    await waitFor(() => queues.isReachable(), { what: 'the queue' });
    const id = randomUUID();
    await queues.enqueue({ id, kind: 'spid.enroll', state: 'accepted', version: 0, attempt: 0 });
    await waitFor(() => handled.includes(id), { what: 'the job' });
  } finally {
    await consumer.close();
    await queues.close();
  }
});
