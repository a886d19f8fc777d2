/** Calls of one operation: how many were let through and how many were told to come back. */
export interface Spent {
  taken: number;
  refused: number;
}

/** What an account may call: `perSecond` calls in any second, by the caller's clock; 0 is no limit. It counts both what it lets through and what it refuses. */
export class Budget {
  readonly #perSecond: number;
  readonly #now: () => number;
  #recent: number[] = [];
  readonly #spent = new Map<string, Spent>();

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Spends one call. Returns 0, or after how many seconds (at least one) to come back. */
  spend(operation: string): number {
    const wait = this.#wait();
    const spent = this.#spent.get(operation) ?? { taken: 0, refused: 0 };
    this.#spent.set(operation, spent);
    if (wait === 0) spent.taken += 1;
    else spent.refused += 1;
    return wait;
  }

  /** By operation. */
  get spent(): Readonly<Record<string, Spent>> {
    return Object.fromEntries(this.#spent);
  }

  #wait(): number {
    if (this.#perSecond === 0) return 0;
    const now = this.#now();
    this.#recent = this.#recent.filter((at) => at > now - 1_000);
    if (this.#recent.length < this.#perSecond) {
      this.#recent.push(now);
      return 0;
    }
    return Math.max(1, Math.ceil(((this.#recent[0] ?? now) + 1_000 - now) / 1_000));
  }
}
