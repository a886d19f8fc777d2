import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileStore } from '../vault/file-store.ts';
import { createKeyRing, generateKey } from '../vault/key-ring.ts';
import { createVault, type Vault } from '../vault/vault.ts';
import { createSpidServerClient } from './spid-server.ts';

let root: string;
let vault: Vault;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'atesto-reuse-'));
  const keyRing = createKeyRing([{ id: 'k', key: generateKey() }], generateKey());
  vault = createVault({ keyRing, store: await createFileStore(root) });
});
afterAll(() => rm(root, { recursive: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('sealed bodies of every size', () => {
  // The vault takes a chunk's memory back when the next one is asked for: a socket that still needed it would send something else.
  it.each([
    ['reads at once', 0],
    ['reads late', 20],
  ])('arrive as they were, over one connection, at a server that %s', async (_how, lateMs) => {
    let connections = 0;
    const arrived: string[] = [];
    const server = createServer(async (request, response) => {
      await delay(lateMs);
      const hash = createHash('sha256');
      for await (const chunk of request) hash.update(chunk);
      arrived.push(hash.digest('hex'));
      response.end('{"id":"t","status":"ENROLL_PENDING"}');
    }).on('connection', () => connections++);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const client = createSpidServerClient({ url: `http://127.0.0.1:${port}`, connections: 1 });
    const sent: string[] = [];
    for (const size of [2_000, 65_535, 65_536, 65_537, 300_000, 524_288, 524_289, 1_500_000, 300_000, 9_000_000]) {
      const body = randomBytes(size);
      const record = randomUUID();
      const { wrappedKey, bytes } = await vault.put(record, [Buffer.from(body)]);
      sent.push(sha256(body));
      const open = () => vault.open({ record, wrappedKey, bytes });
      expect(await client.submit('spid.enroll', { length: bytes, open })).toMatchObject({ kind: 'taken' });
    }
    expect(arrived).toEqual(sent);
    expect(connections).toBe(1);
    await client.close();
    server.close();
  });
});
