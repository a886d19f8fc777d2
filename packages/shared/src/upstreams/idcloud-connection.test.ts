import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { IdcloudAccount } from '../contracts/idcloud-accounts.ts';
import { createIdcloudConnection } from './idcloud-connection.ts';
import type { TokenSource } from './idcloud-token.ts';

it('tells the budgets of every request that leaves and of every 429, and of no token', async () => {
  const server = createServer((request, response) => {
    if (request.headers.authorization === 'Bearer old') response.writeHead(401).end();
    else if (request.url === '/throttled') response.writeHead(429, { 'retry-after': '7' }).end();
    else if (request.url === '/bare') response.writeHead(429).end();
    else response.writeHead(200).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let token = 'old';
  const tokens: TokenSource = {
    token: async () => ({ kind: 'token', token }),
    invalidate: () => {
      token = 'new';
    },
    accepted: () => {},
  };
  const account: IdcloudAccount = {
    name: 'bank',
    clientUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    unicoUrl: undefined,
    signUrl: undefined,
    token: { tokenUrl: '', account: '', tenantId: '', privateKey: '' },
    keys: [],
    webhook: undefined,
    requestsPerSecond: 10,
  };
  const told: unknown[][] = [];
  const connection = createIdcloudConnection(account, tokens, {
    timeouts: { connectMs: 5_000, submitMs: 5_000, readMs: 5_000 },
    connections: 1,
    now: Date.now,
    budgets: { left: (name) => told.push(['left', name]), throttled: (name, ms) => told.push(['429', name, ms]) },
  });
  try {
    for (const path of ['/fine', '/throttled', '/bare']) await connection.send('client', { method: 'GET', path }, {});
    const left = ['left', 'bank'];
    // The first went twice: its token was old.
    expect(told).toEqual([left, left, left, ['429', 'bank', 7_000], left, ['429', 'bank', 0]]);
  } finally {
    await connection.close();
    server.close();
  }
});
