import * as fs from 'node:fs';
import { mkdir, opendir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BlobStore, StoredBlob } from './blob-store.ts';
import { letGo } from './let-go.ts';
import { assertRecordId, isRecordId } from './record-id.ts';
import { VaultError } from './vault-error.ts';

/** Written at once: a 300 KB body is one system call. */
const WRITE_BATCH_BYTES = 1_048_576;
/** Header and one sealed segment: a 300 KB body is one system call. */
const READ_BYTES = 524_315;
const READ_BUFFERS_KEPT = 16;

/**
 * Bodies as files below one folder, which gateways and workers may share:
 * `<root>/<last two digits of the id>/<id>`. (The first digits of a UUIDv7 are a clock: all records of a month would share a folder.)
 *
 * What a killed process left half-written is a record that nobody names: the clearing takes it with the others.
 * @throws VaultError `storage` when the folder cannot be made or read
 */
export async function createFileStore(root: string): Promise<BlobStore> {
  await guarded('prepare', async () => {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await syncFolder(path.dirname(path.resolve(root)));
  });
  const shards = new Map<string, Promise<void>>();
  const idle: Buffer[] = [];

  const shardOf = (recordId: string) => path.join(root, recordId.slice(-2));
  const fileOf = (recordId: string) => {
    assertRecordId(recordId);
    return path.join(shardOf(recordId), recordId);
  };
  const ensureShard = (shard: string) => {
    let made = shards.get(shard);
    if (made === undefined) {
      made = mkdir(shard, { recursive: true, mode: 0o700 }).then(() => syncFolder(root));
      made.catch(() => shards.delete(shard));
      shards.set(shard, made);
    }
    return made;
  };

  return {
    async write(recordId, chunks) {
      const target = fileOf(recordId);
      await guarded('write', () => ensureShard(path.dirname(target)));
      const file = await guarded('write', () => files.open(target, 'wx', 0o600));
      try {
        await writeDurably(file, chunks);
        await guarded('write', () => syncFolder(path.dirname(target)));
      } catch (error) {
        await unlink(target).catch(() => undefined);
        throw error;
      }
    },
    read: (recordId, bytes) => readChunks(fileOf(recordId), bytes, idle),
    async remove(recordId) {
      const file = fileOf(recordId);
      await guarded('remove', async () => {
        try {
          await unlink(file);
        } catch (error) {
          if (codeOf(error) === 'ENOENT') return;
          throw error;
        }
        await syncFolder(path.dirname(file));
      });
    },
    list: () => listRecords(root),
  };
}

async function writeDurably(file: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    let batch: Uint8Array[] = [];
    let bytes = 0;
    const flush = async () => {
      await writeAll(file, batch);
      batch.forEach(letGo);
      batch = [];
      bytes = 0;
    };
    // Only what this store does is its failure: an error of the source passes as it is.
    for await (const chunk of chunks) {
      batch.push(chunk);
      bytes += chunk.length;
      if (bytes >= WRITE_BATCH_BYTES) await guarded('write', flush);
    }
    await guarded('write', async () => {
      await flush();
      await files.sync(file);
    });
  } finally {
    // Nothing is left for the disk to do.
    fs.closeSync(file);
  }
}

/** `writev` may write less than it was given, on a disk that is filling up for instance. */
async function writeAll(file: number, batch: readonly Uint8Array[]): Promise<void> {
  let rest = batch.filter((chunk) => chunk.length > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await files.writev(file, rest);
    let done = 0;
    while (done < rest.length && bytesWritten >= (rest[done] as Uint8Array).length) {
      bytesWritten -= (rest[done] as Uint8Array).length;
      done++;
    }
    rest = rest.slice(done);
    if (bytesWritten > 0) rest[0] = (rest[0] as Uint8Array).subarray(bytesWritten);
  }
}

/** Descriptors and not `FileHandle`s: fewer objects and promises for every body. */
const files = {
  open: promisify(fs.open),
  read: promisify(fs.read),
  writev: promisify(fs.writev),
  sync: promisify(fs.fsync),
};

async function* readChunks(file: string, bytes: number, idle: Buffer[]): AsyncGenerator<Uint8Array, void, undefined> {
  const descriptor = await guarded('read', () => files.open(file, 'r'));
  const buffer = idle.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  try {
    for (let at = 0; at < bytes; ) {
      const { bytesRead } = await guarded('read', () => files.read(descriptor, buffer, 0, buffer.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    if (idle.length < READ_BUFFERS_KEPT) idle.push(buffer);
    // Of a file that was only read: nothing waits for the disk here, and the way to another thread costs more.
    fs.closeSync(descriptor);
  }
}

async function* listRecords(root: string): AsyncGenerator<StoredBlob, void, undefined> {
  for await (const shard of await guarded('list', () => opendir(root))) {
    if (!shard.isDirectory() || !/^[0-9a-f]{2}$/.test(shard.name)) continue;
    for await (const entry of await guarded('list', () => opendir(path.join(root, shard.name)))) {
      if (!isRecordId(entry.name)) continue;
      const found = await stat(path.join(root, shard.name, entry.name)).catch(() => undefined);
      // Removed while we were looking.
      if (found !== undefined) yield { recordId: entry.name, bytes: found.size, storedAt: found.mtime };
    }
  }
}

/** A name is durable when the folder that holds it is. Windows has no such call; NTFS journals names itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = fs.openSync(folder, 'r');
  try {
    await files.sync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/** The system's errors as ours; paths stay out of messages. */
async function guarded<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VaultError) throw error;
    const code = codeOf(error);
    if (code === 'EEXIST') throw new VaultError('exists', `${operation}: the record exists`, { code });
    if (code === 'ENOENT' && operation === 'read') throw new VaultError('missing', 'no such record', { code });
    throw new VaultError('storage', `${operation} failed: ${code ?? 'unknown'}`, { code, cause: error });
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
