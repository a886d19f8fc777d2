/** So many may work at once. Who waits for a slot stands in line by priority, lower first, and among equals by who came first. */
export class Slots {
  #most: number;
  #taken = 0;
  #stopped = false;
  readonly #waiting: { priority: number; begin: (mayBegin: boolean) => void }[] = [];

  /** @param count at once */
  constructor(count: number) {
    this.#most = count;
  }

  /** From now on so many. Whoever has one keeps it. */
  adapt(count: number): void {
    this.#most = count;
    this.#give();
  }

  /** Waits for a slot. @returns false where none is given any more */
  take(priority: number): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    if (this.#taken < this.#most) {
      this.#taken++;
      return Promise.resolve(true);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const behind = this.#waiting.findLastIndex((other) => other.priority <= priority);
    this.#waiting.splice(behind + 1, 0, { priority, begin: resolve });
    return promise;
  }

  /** Gives a slot back, to whoever is next. */
  release(): void {
    this.#taken--;
    this.#give();
  }

  #give(): void {
    while (this.#taken < this.#most && this.#waiting.length > 0) {
      this.#taken++;
      this.#waiting.shift()?.begin(true);
    }
  }

  /** Whoever waits for a slot, and whoever comes, gets none. */
  stop(): void {
    this.#stopped = true;
    for (const { begin } of this.#waiting.splice(0)) begin(false);
  }
}
