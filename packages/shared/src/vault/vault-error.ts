/**
 * Why sealed data could not be written or opened.
 * - `unknown-key`: wrapped by a key-encryption key that the ring does not have (settings, not damage)
 * - `tampered`: bytes, order, length or record id are not those that were sealed, or the key is another one's
 * - `missing`: nothing is stored under this record id
 * - `exists`: something already is; sealed records are never overwritten
 * - `storage`: the store refused (disk full, read-only, I/O error); worth another try later
 */
export type VaultFailure = 'unknown-key' | 'tampered' | 'missing' | 'exists' | 'storage';

/** Messages name ids and system codes only, never content. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly kind: VaultFailure;
  /** The operating system's word for a `storage` failure, such as `ENOSPC`. */
  readonly code: string | undefined;

  constructor(kind: VaultFailure, message: string, options: ErrorOptions & { code?: string | undefined } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = options.code;
  }
}
