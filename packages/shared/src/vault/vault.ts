import { createHash, createSecretKey } from 'node:crypto';
import type { BlobStore } from './blob-store.ts';
import { generateKey, type KeyRing, type WrappedKey } from './key-ring.ts';
import { assertRecordId } from './record-id.ts';
import { openSegments, plainLength, sealSegments } from './segments.ts';
import { VaultError } from './vault-error.ts';

/** What the ledger keeps about a sealed body. */
export interface Sealed {
  /**
   * The body's key, wrapped. It exists nowhere else: destroying the ledger's copy destroys the body, in every backup
   * of the files too, and rotation renews rows without touching a file.
   */
  wrappedKey: WrappedKey;
  /** Length of the plaintext. */
  bytes: number;
  /** SHA-256 of the plaintext. */
  sha256: Buffer;
}

export interface OpenedBody {
  /** Length of the plaintext, for a Content-Length. */
  length: number;
  /** Verified plaintext in chunks that may be kept. Ends with `tampered` when the body is not whole. */
  stream: AsyncIterable<Buffer>;
}

export interface Vault {
  /**
   * Seals a body under a new key. Durable when it resolves. A record id is used once: take a new one for every try,
   * and leave what no ledger row names to the sweep.
   * @throws VaultError `exists`, `storage`; a failure of the source is thrown on as it is, and nothing is kept
   */
  put(recordId: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Sealed>;
  /** @throws VaultError `missing`, `unknown-key`, `tampered`, `storage`; the stream too */
  open(recordId: string, wrappedKey: Uint8Array): Promise<OpenedBody>;
  /** The whole body. @throws VaultError as `open` */
  readAll(recordId: string, wrappedKey: Uint8Array): Promise<Buffer>;
  /** Removes the sealed bytes; the caller destroys the wrapped key. Nothing happens when there are none. */
  destroy(recordId: string): Promise<void>;
}

export type VaultOperation = 'put' | 'open' | 'read' | 'destroy';

export interface VaultOptions {
  keyRing: KeyRing;
  store: BlobStore;
  /** Told of every operation: for a histogram. `outcome` is `ok`, a `VaultError` kind, or `source` (its failure, not ours). */
  observe?: (operation: VaultOperation, outcome: string, seconds: number) => void;
}

export function createVault({ keyRing, store, observe }: VaultOptions): Vault {
  const timed = async <T>(operation: VaultOperation, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    let outcome = 'ok';
    try {
      return await work();
    } catch (error) {
      outcome = error instanceof VaultError ? error.kind : 'source';
      throw error;
    } finally {
      observe?.(operation, outcome, (performance.now() - start) / 1000);
    }
  };

  const openBody = async (recordId: string, wrappedKey: Uint8Array): Promise<OpenedBody> => {
    assertRecordId(recordId);
    const dataKey = keyRing.unwrap(wrappedKey, recordId);
    const key = createSecretKey(dataKey);
    dataKey.fill(0);
    const { bytes, chunks } = await store.read(recordId);
    return { length: plainLength(bytes), stream: openSegments(key, recordId, bytes, chunks) };
  };

  return {
    put: (recordId, source) =>
      timed('put', async () => {
        assertRecordId(recordId);
        const dataKey = generateKey();
        const wrappedKey = keyRing.wrap(dataKey, recordId);
        const key = createSecretKey(dataKey);
        dataKey.fill(0);
        const digest = createHash('sha256');
        let bytes = 0;
        const measured = async function* () {
          for await (const chunk of source) {
            digest.update(chunk);
            bytes += chunk.length;
            yield chunk;
          }
        };
        await store.write(recordId, sealSegments(key, recordId, measured()));
        return { wrappedKey, bytes, sha256: digest.digest() };
      }),
    open: (recordId, wrappedKey) => timed('open', () => openBody(recordId, wrappedKey)),
    readAll: (recordId, wrappedKey) =>
      timed('read', async () => {
        const { length, stream } = await openBody(recordId, wrappedKey);
        const whole = Buffer.allocUnsafe(length);
        let at = 0;
        for await (const chunk of stream) {
          whole.set(chunk, at);
          at += chunk.length;
        }
        return whole;
      }),
    destroy: (recordId) =>
      timed('destroy', async () => {
        assertRecordId(recordId);
        await store.remove(recordId);
      }),
  };
}
