import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { skipBecause } from '../../../../test/stack/skip.ts';
import { waitFor } from '../../../../test/stack/wait-for.ts';
import type { BlobStore } from './blob-store.ts';
import { createFileStore } from './file-store.ts';
import { PIECES } from './io-memory.ts';

let root: string;
let store: BlobStore;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'atesto-store-'));
  store = await createFileStore(root);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function* chunks(...parts: Uint8Array[]) {
  yield* parts;
}

async function contentOf(from: BlobStore, recordId: string, bytes: number): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const part of from.read(recordId, bytes)) copies.push(Buffer.from(part));
  return Buffer.concat(copies);
}

const files = (folder = root) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

/** A small file system of the type, until the test is over. */
async function mountOr(context: TestContext, type: string, options: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), `atesto-${type}-`));
  const mounted = spawnSync('mount', ['-t', type, '-o', options, type, folder], { encoding: 'utf8' });
  context.onTestFinished(async () => {
    if (mounted.status === 0) spawnSync('umount', [folder]);
    await rm(folder, { recursive: true, force: true });
  });
  if (mounted.status === 0) return folder;
  return skipBecause(context, `no ${type} can be mounted here: ${mounted.stderr?.trim() ?? mounted.error?.message}`);
}

describe('createFileStore', () => {
  it('gives back what it stored, small and large, and many at a time', async () => {
    const records = [0, 1, 70_000, 3_000_000].flatMap((size) =>
      Array.from({ length: 4 }, () => ({ id: randomUUID(), content: randomBytes(size) })),
    );
    await Promise.all(
      // Copies: what is written is the store's.
      records.map(({ id, content }) =>
        store.write(id, chunks(content.subarray(0, 100), Buffer.from(content.subarray(100)))),
      ),
    );
    await Promise.all(
      records.map(async ({ id, content }) =>
        expect((await contentOf(store, id, content.length)).equals(content)).toBe(true),
      ),
    );
  });

  it('reads as many at once as are asked for, however little memory there is for the disk', async () => {
    const content = randomBytes(1_200_000);
    const ids = Array.from({ length: 3 * PIECES }, () => randomUUID());
    for (const id of ids) await store.write(id, chunks(Buffer.from(content)));
    const readers = ids.map((id) => store.read(id, content.length)[Symbol.asyncIterator]());
    // Each holds what it read until it is asked for more.
    const firsts = await Promise.all(readers.map((reader) => reader.next()));
    for (const { value } of firsts) expect(content.subarray(0, value.length).equals(value)).toBe(true);
    await Promise.all(readers.map((reader) => reader.return?.()));
    await Promise.all(
      ids.map(async (id) => expect((await contentOf(store, id, content.length)).equals(content)).toBe(true)),
    );
  });

  it('takes no file, and no memory from others, while sources are silent', async () => {
    const before = files().length;
    const silent = Promise.withResolvers<void>();
    let asked = 0;
    const writing = Array.from({ length: 3 * PIECES }, () =>
      store.write(
        randomUUID(),
        (async function* () {
          yield Buffer.from('begun, ');
          asked++;
          await silent.promise;
          yield Buffer.from('late');
        })(),
      ),
    );
    await waitFor(() => asked === writing.length, { what: 'sources that are waited for' });
    expect(files()).toHaveLength(before);
    await store.write(randomUUID(), chunks(Buffer.from('in between')));
    silent.resolve();
    await Promise.all(writing);
    expect(files()).toHaveLength(before + 1 + writing.length);
  });

  it('never overwrites', async () => {
    const id = randomUUID();
    await store.write(id, chunks(Buffer.from('first')));
    await expect(store.write(id, chunks(Buffer.from('second')))).rejects.toMatchObject({ kind: 'exists' });
    expect((await contentOf(store, id, 5)).toString()).toBe('first');
    const contested = randomUUID();
    const results = await Promise.allSettled([1, 2, 3].map((n) => store.write(contested, chunks(Buffer.of(n)))));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('removes, again and again', async () => {
    const id = randomUUID();
    await store.write(id, chunks(Buffer.from('gone')));
    await store.remove(id);
    await store.remove(id);
    await expect(contentOf(store, id, 4)).rejects.toMatchObject({ kind: 'missing' });
    await store.write(id, chunks(Buffer.from('new')));
    expect((await contentOf(store, id, 3)).toString()).toBe('new');
  });

  it.each([
    '',
    '..',
    '../../etc/passwd',
    'ABCDEF00-0000-4000-8000-000000000000',
    `${randomUUID()}/x`,
    `${randomUUID()}\0`,
  ])('refuses %j as a record id', async (id) => {
    await expect(store.write(id, chunks())).rejects.toThrowError(TypeError);
    expect(() => store.read(id, 1)).toThrowError(TypeError);
    await expect(store.remove(id)).rejects.toThrowError(TypeError);
  });

  it('throws the failure of a source on and keeps nothing', async () => {
    const before = files().length;
    const failing = async function* () {
      yield randomBytes(2_000_000);
      throw new RangeError('the client went away');
    };
    await expect(store.write(randomUUID(), failing())).rejects.toThrowError(RangeError);
    expect(files()).toHaveLength(before);
  });

  it('is readable by its owner only', async () => {
    if (process.platform === 'win32') return;
    const id = randomUUID();
    await store.write(id, chunks(Buffer.from('x')));
    const file = await stat(path.join(root, id.slice(-2), id));
    const folder = await stat(path.join(root, id.slice(-2)));
    expect([file.mode & 0o777, folder.mode & 0o777]).toEqual([0o600, 0o700]);
    expect(file.nlink).toBe(1);
  });

  it('lists every record, and nothing else', async () => {
    const own = await mkdtemp(path.join(tmpdir(), 'atesto-list-'));
    const listed = await createFileStore(own);
    expect(await Array.fromAsync(listed.list())).toEqual([]);
    const ids = Array.from({ length: 20 }, () => randomUUID());
    for (const id of ids) await listed.write(id, chunks(Buffer.alloc(7)));
    await mkdir(path.join(own, 'zz'), { recursive: true });
    writeFileSync(path.join(own, 'zz', 'draft'), 'x');
    const found = await Array.fromAsync(listed.list());
    expect(found.map(({ recordId }) => recordId).toSorted()).toEqual(ids.toSorted());
    expect(found.every(({ storedAt }) => storedAt instanceof Date)).toBe(true);
    await rm(own, { recursive: true });
  });

  it('goes the ordinary way where a file system does not let it past the page cache', async (context) => {
    const disk = await mountOr(context, 'ramfs', 'mode=700');
    const ordinary = await createFileStore(disk);
    expect(files(disk)).toEqual([]);
    for (const size of [1, 70_000, 3_000_000]) {
      const [id, content] = [randomUUID(), randomBytes(size)];
      await ordinary.write(id, chunks(Buffer.from(content)));
      expect((await contentOf(ordinary, id, size)).equals(content)).toBe(true);
    }
  });

  it('reports a full disk as storage and leaves no partial file', async (context) => {
    const disk = await mountOr(context, 'tmpfs', 'size=1m');
    const small = await createFileStore(disk);
    const id = randomUUID();
    const body = () => chunks(...Array.from({ length: 40 }, () => randomBytes(65_536)));
    await expect(small.write(id, body())).rejects.toMatchObject({ kind: 'storage', code: 'ENOSPC' });
    expect(files(disk)).toEqual([]);
    await expect(contentOf(small, id, 1)).rejects.toMatchObject({ kind: 'missing' });
    await small.write(id, chunks(randomBytes(100_000)));
    expect((await contentOf(small, id, 100_000)).length).toBe(100_000);
  });
});
