import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { mkdir, opendir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BlobStore, StoredBlob } from './blob-store.ts';
import { createIoMemory, type IoMemory, type Piece, wholeBlocks } from './io-memory.ts';
import { letGo } from './let-go.ts';
import { assertRecordId, isRecordId } from './record-id.ts';
import { VaultError } from './vault-error.ts';

/**
 * Bodies as files below one folder, which gateways and workers may share:
 * `<root>/<last two digits of the id>/<id>`. (The first digits of a UUIDv7 are a clock: all records of a month would share a folder.)
 *
 * A body is written once and read once. So it goes past the page cache (`O_DIRECT`) where the file system allows that: the cache would be fresh pages
 * for each, and they are what costs. A file ends with a whole block; what is behind the body is zeros or nothing.
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
  const memory = createIoMemory();
  const direct = await allowsDirect(root, memory);
  const disk: Disk = {
    memory,
    open: (file, flags, { aligned }) => files.open(file, flags | (aligned ? direct : 0), 0o600),
  };

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
      const file = fileOf(recordId);
      await guarded('write', () => ensureShard(path.dirname(file)));
      await writeDurably(disk, file, chunks);
    },
    read: (recordId, bytes) => readChunks(disk, fileOf(recordId), bytes),
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

interface Disk {
  memory: IoMemory;
  /** A descriptor that this piece can be written from or read into. */
  open(file: string, flags: number, piece: Piece): Promise<number>;
}

/** Descriptors and not `FileHandle`s: fewer objects and promises for every body. */
const files = {
  open: promisify(fs.open),
  read: promisify(fs.read),
  write: promisify(fs.write),
  sync: promisify(fs.fsync),
};

/** The flag that goes past the page cache, 0 where there is none: another system, or a file system that refuses. */
async function allowsDirect(root: string, memory: IoMemory): Promise<number> {
  const flag: number | undefined = fs.constants.O_DIRECT;
  if (flag === undefined) return 0;
  const file = path.join(root, `.direct-${randomUUID()}`);
  const piece = memory.take();
  try {
    const descriptor = await files.open(file, CREATE | flag, 0o600);
    try {
      await files.write(descriptor, piece.buffer, 0, wholeBlocks(1), 0);
      return flag;
    } finally {
      fs.closeSync(descriptor);
      await unlink(file);
    }
  } catch {
    // A full disk says no as well. The other way always works.
    return 0;
  } finally {
    memory.give(piece);
  }
}

const CREATE = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL;

/** The file comes into being with the first byte for it, and is gone again where not all of them could be written. */
async function writeDurably(disk: Disk, file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let target: Target | undefined;
  const begin = async () => {
    target = await guarded('write', () => create(disk, file));
    return target;
  };
  try {
    // Only what this store does is its failure: an error of the source passes as it is.
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length; ) {
        const open = target ?? (await begin());
        const part = chunk.subarray(from, from + open.piece.buffer.length - open.held);
        open.piece.buffer.set(part, open.held);
        open.held += part.length;
        from += part.length;
        if (open.held === open.piece.buffer.length) await guarded('write', () => flush(open));
      }
      letGo(chunk);
    }
    const open = target ?? (await begin());
    await guarded('write', async () => {
      await flush(open);
      await files.sync(open.descriptor);
      await syncFolder(path.dirname(file));
    });
  } catch (error) {
    if (target) await unlink(file).catch(() => undefined);
    throw error;
  } finally {
    if (target) {
      disk.memory.give(target.piece);
      // Nothing is left for the disk to do.
      fs.closeSync(target.descriptor);
    }
  }
}

interface Target {
  piece: Piece;
  descriptor: number;
  /** Bytes in the piece that are not in the file yet. */
  held: number;
  /** Where they go. */
  at: number;
}

async function create({ memory, open }: Disk, file: string): Promise<Target> {
  const piece = memory.take();
  try {
    return { piece, descriptor: await open(file, CREATE, piece), held: 0, at: 0 };
  } catch (error) {
    memory.give(piece);
    throw error;
  }
}

/** What the piece holds, filled up with zeros. `write` may write less than it was given, on a disk that is filling up for instance. */
async function flush(target: Target): Promise<void> {
  const { piece, descriptor, held } = target;
  const end = wholeBlocks(held);
  piece.buffer.fill(0, held, end);
  for (let done = 0; done < end; ) {
    const { bytesWritten } = await files.write(descriptor, piece.buffer, done, end - done, target.at + done);
    done += bytesWritten;
  }
  target.at += end;
  target.held = 0;
}

async function* readChunks(disk: Disk, file: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const piece = disk.memory.take();
  try {
    const descriptor = await guarded('read', () => disk.open(file, fs.constants.O_RDONLY, piece));
    try {
      for (let at = 0; at < bytes; ) {
        const wanted = Math.min(piece.buffer.length, wholeBlocks(bytes - at));
        const { bytesRead } = await guarded('read', () => files.read(descriptor, piece.buffer, 0, wanted, at));
        yield piece.buffer.subarray(0, Math.min(bytesRead, bytes - at));
        // The file's end.
        if (bytesRead < wanted) return;
        at += bytesRead;
      }
    } finally {
      // Of a file that was only read: nothing waits for the disk here, and the way to another thread costs more.
      fs.closeSync(descriptor);
    }
  } finally {
    disk.memory.give(piece);
  }
}

async function* listRecords(root: string): AsyncGenerator<StoredBlob, void, undefined> {
  for await (const shard of await guarded('list', () => opendir(root))) {
    if (!shard.isDirectory() || !/^[0-9a-f]{2}$/.test(shard.name)) continue;
    for await (const entry of await guarded('list', () => opendir(path.join(root, shard.name)))) {
      if (!isRecordId(entry.name)) continue;
      const found = await stat(path.join(root, shard.name, entry.name)).catch(() => undefined);
      // Removed while we were looking.
      if (found !== undefined) yield { recordId: entry.name, storedAt: found.mtime };
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
