import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { mkdir, opendir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BlobStore, StoredBlob } from './blob-store.ts';
import { createIoMemory, type IoMemory, PIECE_BYTES, wholeBlocks } from './io-memory.ts';
import { letGo } from './let-go.ts';
import { assertRecordId, isRecordId } from './record-id.ts';
import { SEGMENT_BYTES, sealedLength } from './segments.ts';
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
  const disk: Disk = { memory, direct: await allowsDirect(root, memory) };

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
  /** The flag that goes past the page cache, 0 where there is none. */
  direct: number;
  memory: IoMemory;
}

/** Descriptors and not `FileHandle`s: fewer objects and promises for every body. */
const files = {
  open: promisify(fs.open),
  read: promisify(fs.read),
  write: promisify(fs.write),
  sync: promisify(fs.fsync),
};

/** Another system may have no such flag, and a file system may refuse it, some when the file is there already: it is tried. */
async function allowsDirect(root: string, memory: IoMemory): Promise<number> {
  const flag: number | undefined = fs.constants.O_DIRECT;
  if (flag === undefined) return 0;
  const file = path.join(root, `.direct-${randomUUID()}`);
  const piece = await memory.next();
  try {
    const descriptor = await files.open(file, CREATE | flag, 0o600);
    try {
      await files.write(descriptor, piece, 0, wholeBlocks(1), 0);
    } finally {
      fs.closeSync(descriptor);
    }
    return flag;
  } catch {
    // A full disk says no as well. The other way always works.
    return 0;
  } finally {
    memory.give(piece);
    await unlink(file).catch(() => undefined);
  }
}

const CREATE = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL;

/** The file comes into being with the first bytes for it, and is gone again where not all of them could be written. */
async function writeDurably(disk: Disk, file: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let descriptor: number | undefined;
  const gathered = new Gathered();
  let at = 0;
  const flush = async () => {
    descriptor ??= await files.open(file, CREATE | disk.direct, 0o600);
    const piece = await disk.memory.next();
    try {
      const end = gathered.moveInto(piece);
      await writeAll(descriptor, piece.subarray(0, end), at);
      at += end;
    } finally {
      disk.memory.give(piece);
    }
    return descriptor;
  };
  try {
    // Only what this store does is its failure: an error of the source passes as it is.
    for await (const chunk of chunks) {
      gathered.add(chunk);
      while (gathered.bytes > PIECE_BYTES) await guarded('write', flush);
    }
    await guarded('write', async () => {
      await files.sync(await flush());
      await syncFolder(path.dirname(file));
    });
  } catch (error) {
    if (descriptor !== undefined) await unlink(file).catch(() => undefined);
    throw error;
  } finally {
    // Nothing is left for the disk to do.
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

/** Chunks that wait until they fill a piece: no piece waits for a source. */
class Gathered {
  bytes = 0;
  readonly #chunks: Uint8Array[] = [];
  /** Of the first chunk, what has been moved. */
  #moved = 0;

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** As much as the piece holds, filled up with zeros to a whole block; a chunk that is in it is let go of. Returns where the piece ends. */
  moveInto(piece: Buffer): number {
    let held = 0;
    for (let chunk = this.#chunks[0]; chunk && held < piece.length; chunk = this.#chunks[0]) {
      const part = chunk.subarray(this.#moved, this.#moved + piece.length - held);
      piece.set(part, held);
      held += part.length;
      this.#moved += part.length;
      if (this.#moved < chunk.length) break;
      this.#chunks.shift();
      this.#moved = 0;
      letGo(chunk);
    }
    this.bytes -= held;
    const end = wholeBlocks(held);
    piece.fill(0, held, end);
    return end;
  }
}

/** `write` may write less than it was given, on a disk that is filling up for instance. */
async function writeAll(descriptor: number, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await files.write(descriptor, bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

async function* readChunks(disk: Disk, file: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const descriptor = await guarded('read', () => files.open(file, fs.constants.O_RDONLY | disk.direct));
  // A single segment is opened as soon as it is read. With more of them the reader may be slow, and nobody can wait for that: it gets a copy.
  const copy = bytes > sealedLength(SEGMENT_BYTES) ? Buffer.allocUnsafeSlow(PIECE_BYTES) : undefined;
  try {
    for (let at = 0, isEnd = false; at < bytes && !isEnd; at += PIECE_BYTES) {
      const wanted = Math.min(PIECE_BYTES, wholeBlocks(bytes - at));
      const piece = await disk.memory.next();
      let chunk: Buffer;
      try {
        const { bytesRead } = await guarded('read', () => files.read(descriptor, piece, 0, wanted, at));
        isEnd = bytesRead < wanted;
        chunk = piece.subarray(0, Math.min(bytesRead, bytes - at));
        if (copy) chunk.copy(copy);
        else yield chunk;
      } finally {
        disk.memory.give(piece);
      }
      if (copy) yield copy.subarray(0, chunk.length);
    }
  } finally {
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
