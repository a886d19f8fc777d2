/** Why the keys that a service was given are not those of its ledger. `id`: of the key-encryption key. */
export type ForeignKey =
  /** Blind indexes and fingerprints of requests were made with another one. */
  | { why: 'other-index-key' }
  /** Something may be sealed under a key that was not given. */
  | { why: 'missing-key'; id: string }
  /** Another key goes by the same id. */
  | { why: 'other-key'; id: string };

/** Marks of a key ring: they tell it from others, and nothing about its keys. */
export interface KeyMarks {
  /** The key that seals now, and a mark that it made. */
  active(): { id: string; mark: Buffer };
  /** Undefined where the ring's key of this id made the mark. */
  foreign(id: string, mark: Uint8Array): ForeignKey | undefined;
  /** Always the same for an index key. */
  index: Buffer;
}
