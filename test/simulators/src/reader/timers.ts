/** Things that happen a little later, and that all end together when the power goes. */
export class Timers {
  readonly #pending = new Set<NodeJS.Timeout>();

  /** 0 ms is at once, before the call returns. */
  later(ms: number, act: () => void): void {
    if (ms <= 0) {
      act();
      return;
    }
    const timer = setTimeout(() => {
      this.#pending.delete(timer);
      act();
    }, ms);
    this.#pending.add(timer);
  }

  clear(): void {
    for (const timer of this.#pending) clearTimeout(timer);
    this.#pending.clear();
  }
}
