/** A budget of `perSecond` calls in any second, by the caller's clock. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #now: () => number;
  #recent: number[] = [];

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Spends one call. Returns 0, or after how many seconds (at least one) to come back. */
  spend(): number {
    const now = this.#now();
    this.#recent = this.#recent.filter((at) => at > now - 1_000);
    if (this.#recent.length < this.#perSecond) {
      this.#recent.push(now);
      return 0;
    }
    return Math.max(1, Math.ceil(((this.#recent[0] ?? now) + 1_000 - now) / 1_000));
  }
}
