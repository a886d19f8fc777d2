/** So many may work at once. Who waits for a slot stands in line by priority, lower first, and among equals by who came first. */
export class Slots {
  #free: number;
  #stopped = false;
  readonly #waiting: { priority: number; begin: (mayBegin: boolean) => void }[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a slot. @returns false where none is given any more */
  take(priority: number): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const behind = this.#waiting.findLastIndex((other) => other.priority <= priority);
    this.#waiting.splice(behind + 1, 0, { priority, begin: resolve });
    return promise;
  }

  /** Gives a slot back, to whoever is next. */
  release(): void {
    const next = this.#waiting.shift();
    if (next) next.begin(true);
    else this.#free++;
  }

  /** Whoever waits for a slot, and whoever comes, gets none. */
  stop(): void {
    this.#stopped = true;
    for (const { begin } of this.#waiting.splice(0)) begin(false);
  }
}
