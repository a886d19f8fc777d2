import { createHash } from 'node:crypto';

/** One request as a simulator saw it. Tests expect on these; they hold CPFs and are never logged. */
export interface Received {
  /** Epoch milliseconds. */
  at: number;
  /** Name in the operation table. */
  operation: string;
  method: string;
  params: Readonly<Record<string, string>>;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Size of the body and its SHA-256 in hex, once it was read: a dropped call has neither. */
  bytes?: number;
  sha256?: string;
  /** The parsed body, where the record keeps bodies. */
  body?: unknown;
  /** What the product decided to answer, even when the answer was then lost. Absent when the call was dropped before. */
  status?: number;
}

/** The last requests, oldest first, and how many there have been of each operation. */
export class ReceivedRecord {
  readonly #keep: number;
  readonly #bodies: boolean;
  readonly #counts = new Map<string, number>();
  #entries: Received[] = [];

  /** `keep` requests at most; without `bodies` only their size and hash. */
  constructor(options: { keep?: number; bodies?: boolean } = {}) {
    this.#keep = options.keep ?? 1_000;
    this.#bodies = options.bodies ?? true;
  }

  add(entry: Received): Received {
    this.#entries.push(entry);
    if (this.#entries.length > this.#keep) this.#entries.shift();
    this.#counts.set(entry.operation, this.count(entry.operation) + 1);
    return entry;
  }

  /** Notes the body of a request that has been read whole. */
  body(entry: Received, raw: Buffer, parsed: unknown): void {
    entry.bytes = raw.length;
    entry.sha256 = createHash('sha256').update(raw).digest('hex');
    if (this.#bodies) entry.body = parsed;
  }

  /** Requests of an operation, or all. */
  of(operation?: string): readonly Received[] {
    return operation === undefined ? this.#entries : this.#entries.filter((entry) => entry.operation === operation);
  }

  /** How many there have been, forgotten ones too. */
  count(operation: string): number {
    return this.#counts.get(operation) ?? 0;
  }

  clear(): void {
    this.#entries = [];
    this.#counts.clear();
  }
}
