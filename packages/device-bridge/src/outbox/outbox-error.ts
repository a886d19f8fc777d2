export type OutboxErrorKind =
  /** The disk, or the outbox's own limit, has no room: nothing was stored. */
  | 'full'
  /** Another process has the outbox open. */
  | 'busy'
  /** The file, or a record in it, cannot be read: damaged, or sealed under a key that is not on the ring. */
  | 'unreadable'
  /** No such record in that state. */
  | 'missing'
  /** Anything else the disk reports. */
  | 'io';

/** Failure of the station's store. The message never carries what is stored. */
export class OutboxError extends Error {
  override readonly name = 'OutboxError';
  readonly kind: OutboxErrorKind;
  constructor(kind: OutboxErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** SQLite's primary result codes that mean something to a caller (sqlite.org/rescode.html). */
const kinds: Readonly<Record<number, OutboxErrorKind>> = {
  5: 'busy',
  6: 'busy',
  11: 'unreadable',
  13: 'full',
  26: 'unreadable',
};

/** Runs `work` and names what SQLite throws. */
export function naming<T>(step: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof OutboxError) throw error;
    const code = typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) : 0;
    // The low byte is the primary code; SQLite's own text names tables at most.
    throw new OutboxError(kinds[code & 0xff] ?? 'io', `outbox: ${step} failed (sqlite ${code})`, { cause: error });
  }
}
