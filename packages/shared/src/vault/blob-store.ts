/** Where sealed bodies lie. It never sees a key or a plaintext byte. Failures are `VaultError`s. */
export interface BlobStore {
  /**
   * Stores all chunks under a record id; when it resolves they survive a power cut. Never over what is there: `exists`. The chunks are the store's, and
   * large ones are empty afterwards. A failure of the source is thrown on as it is, and nothing is kept.
   */
  write(recordId: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * The bytes of a record, of which there are as many as the caller knows; whether there are more or fewer, it finds out. Each chunk is valid until the
   * next one is asked for: its memory is used again, and whoever reads a body of one segment asks on at once, since others may wait for it. Nothing is
   * held open before the iteration starts or after it ends. `missing` if there is none.
   */
  read(recordId: string, bytes: number): AsyncIterable<Uint8Array>;
  /** Removes a record; nothing happens when there is none. */
  remove(recordId: string): Promise<void>;
  /** All records in no particular order, for the sweep that removes those the ledger does not know. */
  list(): AsyncIterable<StoredBlob>;
}

export interface StoredBlob {
  recordId: string;
  storedAt: Date;
}
