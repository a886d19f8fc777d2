import { expect, it } from 'vitest';
import type { QueueBackend } from './backend.ts';
import { evictionOf } from './eviction.ts';

it.concurrent.each<[string, QueueBackend]>([
  ['one server', { kind: 'redis', url: 'redis://127.0.0.1:1' }],
  ['a Cluster', { kind: 'redis-cluster', nodes: [{ host: '127.0.0.1', port: 1 }], tls: false }],
  ['Sentinels', { kind: 'redis-sentinel', nodes: [{ host: '127.0.0.1', port: 1 }], master: 'atesto', tls: false }],
])('does not wait for %s that is away: the house starts without its queue', async (_what, backend) => {
  expect(await evictionOf(backend)).toBeUndefined();
});

it('asks nobody where the queue is in PostgreSQL', async () => {
  expect(await evictionOf({ kind: 'postgres', url: 'postgres://127.0.0.1:1/none' })).toBeUndefined();
});
