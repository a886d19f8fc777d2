import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createSpidServerClient } from './spid-server.ts';

it('keeps its connection when the source of a body takes a moment to end, as a file that is closed does', async () => {
  let connections = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('{"id":"t","status":"ENROLL_PENDING"}'));
  }).on('connection', () => connections++);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = createSpidServerClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: 1,
  });
  const chunk = Buffer.alloc(60_000, 'x');
  async function* source() {
    try {
      for (let i = 0; i < 5; i++) yield chunk;
    } finally {
      await delay(5);
    }
  }
  for (let i = 0; i < 20; i++) {
    const result = await client.submit('spid.enroll', { length: 5 * chunk.length, open: () => source() });
    expect(result.kind).toBe('taken');
  }
  expect(connections).toBe(1);
  await client.close();
  server.close();
});
