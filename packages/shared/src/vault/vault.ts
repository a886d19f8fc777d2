import { createSecretKey } from 'node:crypto';
import type { BlobStore } from './blob-store.ts';
import { generateKey, type KeyRing, type WrappedKey } from './key-ring.ts';
import { assertRecordId } from './record-id.ts';
import { openSegments, sealedLength, sealSegments } from './segments.ts';
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
}

/** What opens a sealed body again, by the ledger. */
export interface SealedBody {
  /** The vault's record. */
  record: string;
  wrappedKey: Uint8Array;
  /** Length of the plaintext. */
  bytes: number;
}

export interface Vault {
  /**
   * Seals a body under a new key. Durable when it resolves. A record id is used once: take a new one for every try,
   * and leave what no ledger row names to the sweep. The source's chunks are given over: whoever needs a large one afterwards copies it before.
   * @throws VaultError `exists`, `storage`; a failure of the source is thrown on as it is, and nothing is kept
   */
  put(recordId: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Sealed>;
  /**
   * Verified plaintext, each chunk good until the next one is asked for. Nothing is touched before the first one is, and the last one comes when all is
   * known to be whole.
   * @throws VaultError (the iteration) `missing`, `unknown-key`, `storage`, `tampered`
   */
  open(body: SealedBody): AsyncIterable<Buffer>;
  /** Removes the sealed bytes; the caller destroys the wrapped key. Nothing happens when there are none. */
  destroy(recordId: string): Promise<void>;
}

export type VaultOperation = 'put' | 'open' | 'destroy';

export interface VaultOptions {
  keyRing: KeyRing;
  store: BlobStore;
  /** Told of every operation, of `open` until its first chunk: for a histogram. `outcome` is `ok`, a `VaultError` kind, or `source` (its failure, not ours). */
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

  async function* open({ record, wrappedKey, bytes }: SealedBody): AsyncGenerator<Buffer, void, undefined> {
    const first = await timed('open', async () => {
      assertRecordId(record);
      const dataKey = keyRing.unwrap(wrappedKey, record);
      const key = createSecretKey(dataKey);
      dataKey.fill(0);
      const chunks = openSegments(key, record, bytes, store.read(record, sealedLength(bytes)));
      return { chunks, next: await chunks.next() };
    });
    if (first.next.done) return;
    try {
      yield first.next.value;
      yield* first.chunks;
    } finally {
      await first.chunks.return();
    }
  }

  return {
    put: (recordId, source) =>
      timed('put', async () => {
        assertRecordId(recordId);
        const dataKey = generateKey();
        const wrappedKey = keyRing.wrap(dataKey, recordId);
        const key = createSecretKey(dataKey);
        dataKey.fill(0);
        let bytes = 0;
        const measured = async function* () {
          for await (const chunk of source) {
            bytes += chunk.length;
            yield chunk;
          }
        };
        await store.write(recordId, sealSegments(key, recordId, measured()));
        return { wrappedKey, bytes };
      }),
    open,
    destroy: (recordId) =>
      timed('destroy', async () => {
        assertRecordId(recordId);
        await store.remove(recordId);
      }),
  };
}
