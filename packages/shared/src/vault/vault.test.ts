import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFileStore } from './file-store.ts';
import { PIECES } from './io-memory.ts';
import { createKeyRing, formatKeyRing, generateKey } from './key-ring.ts';
import { SEGMENT_BYTES } from './segments.ts';
import { createVault, type Sealed, type Vault } from './vault.ts';

const keys = [{ id: 'k1', key: generateKey() }];
const index = generateKey();
const keyRing = createKeyRing(keys, index);
const observe = vi.fn();
let root: string;
let vault: Vault;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'atesto-vault-'));
  vault = createVault({ keyRing, store: await createFileStore(root), observe });
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function whole(from: Vault, record: string, { wrappedKey, bytes }: Pick<Sealed, 'wrappedKey' | 'bytes'>) {
  const chunks: Buffer[] = [];
  for await (const chunk of from.open({ record, wrappedKey, bytes })) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const fileOf = (id: string, at = root) => path.join(at, id.slice(-2), id);

describe('createVault', () => {
  it('seals a body, tells its length, and opens it', async () => {
    const body = randomBytes(200_000);
    const id = randomUUID();
    const sealed = await vault.put(id, [body.subarray(0, 1000), body.subarray(1000)]);
    expect(sealed.bytes).toBe(body.length);
    expect((await whole(vault, id, sealed)).equals(body)).toBe(true);
    expect(observe.mock.calls.map(([operation, outcome]) => [operation, outcome])).toEqual([
      ['put', 'ok'],
      ['open', 'ok'],
    ]);
  });

  it('keeps an empty body', async () => {
    const id = randomUUID();
    const sealed = await vault.put(id, []);
    expect([sealed.bytes, (await whole(vault, id, sealed)).length]).toEqual([0, 0]);
  });

  it('stores no byte of the plaintext', async () => {
    const marker = Buffer.from('MARKER-OF-A-FINGERPRINT-52998224725');
    const body = Buffer.alloc(300_000);
    for (let at = 0; at < body.length; at += marker.length) marker.copy(body, at);
    const id = randomUUID();
    const { wrappedKey } = await vault.put(id, [body]);
    for (const bytes of [readFileSync(fileOf(id)), wrappedKey]) {
      for (let at = 0; at + 8 <= marker.length; at += 4)
        expect(bytes.includes(marker.subarray(at, at + 8))).toBe(false);
    }
  });

  it('lets go of a large chunk when it is sealed', async () => {
    const [id, body] = [randomUUID(), randomBytes(300_000)];
    const { wrappedKey, bytes } = await vault.put(id, [body]);
    expect(body.length).toBe(0);
    expect(bytes).toBe(300_000);
    const opened = await Array.fromAsync(vault.open({ record: id, wrappedKey, bytes }), ({ length }) => length);
    expect(opened).toEqual([300_000]);
  });

  it.each([
    ['of one segment', SEGMENT_BYTES],
    ['of one segment and a byte', SEGMENT_BYTES + 1],
    ['of three', 3 * SEGMENT_BYTES],
  ])('opens another body while whoever took many %s is slow', async (_what, length) => {
    const body = randomBytes(length);
    const slow = await Promise.all(
      Array.from({ length: 3 * PIECES }, async () => {
        const record = randomUUID();
        const opened = vault
          .open({ record, ...(await vault.put(record, [Buffer.from(body)])) })
          [Symbol.asyncIterator]();
        expect((await opened.next()).value?.length).toBe(SEGMENT_BYTES);
        return opened;
      }),
    );
    const id = randomUUID();
    const sealed = await vault.put(id, [Buffer.from('in between')]);
    expect((await whole(vault, id, sealed)).toString()).toBe('in between');
    await Promise.all(slow.map((opened) => opened.return?.()));
  });

  it('opens with the wrapped key of its own record only', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const first = await vault.put(a, [Buffer.from('of a')]);
    const second = await vault.put(b, [Buffer.from('of b')]);
    const tampered = { name: 'VaultError', kind: 'tampered' };
    await expect(whole(vault, a, second)).rejects.toMatchObject(tampered);
    copyFileSync(fileOf(a), fileOf(b));
    await expect(whole(vault, b, second)).rejects.toMatchObject(tampered);
    await expect(whole(vault, b, first)).rejects.toMatchObject(tampered);
    const stranger = createVault({
      keyRing: createKeyRing([{ id: 'k2', key: generateKey() }], index),
      store: await createFileStore(root),
    });
    await expect(whole(stranger, a, first)).rejects.toMatchObject({ kind: 'unknown-key' });
  });

  it('rotates keys without touching files, and opens nothing once the wrapped key is gone', async () => {
    const id = randomUUID();
    const { wrappedKey, bytes } = await vault.put(id, [Buffer.from('kept')]);
    const before = readFileSync(fileOf(id));
    const next = { id: 'k2', key: generateKey() };
    const renewed = { wrappedKey: createKeyRing([next, ...keys], index).rewrap(wrappedKey, id), bytes };
    const later = createVault({ keyRing: createKeyRing([next], index), store: await createFileStore(root) });
    expect((await whole(later, id, renewed)).toString()).toBe('kept');
    expect(readFileSync(fileOf(id)).equals(before)).toBe(true);
    await vault.destroy(id);
    await vault.destroy(id);
    await expect(whole(later, id, renewed)).rejects.toMatchObject({ kind: 'missing' });
  });

  it('throws on what the source throws, and refuses odd ids', async () => {
    const aborted = async function* () {
      yield Buffer.alloc(10);
      throw new RangeError('aborted');
    };
    await expect(vault.put(randomUUID(), aborted())).rejects.toThrowError(RangeError);
    await expect(vault.put('../x', [])).rejects.toThrowError(TypeError);
    await expect(vault.destroy('')).rejects.toThrowError(TypeError);
  });
});

describe('kill -9', { timeout: 60_000 }, () => {
  const source = `
    import { createHash, randomBytes, randomUUID } from 'node:crypto';
    import { createFileStore } from ${JSON.stringify(path.join(import.meta.dirname, 'file-store.ts'))};
    import { createKeyRing, parseKey, parseKeyRing } from ${JSON.stringify(path.join(import.meta.dirname, 'key-ring.ts'))};
    import { createVault } from ${JSON.stringify(path.join(import.meta.dirname, 'vault.ts'))};
    import { writeSync } from 'node:fs';
    const [root, kek, index] = process.argv.slice(1);
    const vault = createVault({ keyRing: createKeyRing(parseKeyRing(kek), parseKey(index)), store: await createFileStore(root) });
    const writer = async () => {
      for (;;) {
        const id = randomUUID();
        const body = randomBytes(1000 + Math.floor(Math.random() * 400_000));
        const sha256 = createHash('sha256').update(body).digest();
        const { wrappedKey, bytes } = await vault.put(id, [body]);
        writeSync(1, [id, wrappedKey.toString('base64'), bytes, sha256.toString('hex')].join(' ') + '\\n');
      }
    };
    await Promise.all([writer(), writer(), writer(), writer()]);`;

  it('every acknowledged record opens', async () => {
    const shared = await mkdtemp(path.join(tmpdir(), 'atesto-kill-'));
    const acknowledged: [string, string, number, string][] = [];
    for (const kills of [30, 45, 60]) {
      const args = ['--input-type=module', '-e', source, shared, formatKeyRing(keys), index.toString('base64')];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const gone = new Promise((resolve) => child.once('exit', resolve));
      let seen = 0;
      for await (const line of createInterface(child.stdout)) {
        const [id, wrapped, bytes, sha256] = line.split(' ');
        // The pipe may end in the middle of a line: that one was not acknowledged.
        if (sha256?.length === 64) acknowledged.push([id as string, wrapped as string, Number(bytes), sha256]);
        if (++seen === kills) child.kill('SIGKILL');
      }
      await gone;
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(135);
    const reopened = createVault({ keyRing, store: await createFileStore(shared) });
    for (const [id, wrapped, bytes, sha256] of acknowledged) {
      const body = await whole(reopened, id, { wrappedKey: Buffer.from(wrapped, 'base64'), bytes });
      expect(createHash('sha256').update(body).digest('hex')).toBe(sha256);
    }
    await rm(shared, { recursive: true });
  });
});
