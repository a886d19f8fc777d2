/** Counts what is done to the end of a round; a failure anywhere ends the round. */
export class RoundClock {
  readonly #began = new Map<string, number>();
  readonly #took: number[] = [];
  readonly #count: number;
  readonly #end = Promise.withResolvers<number[]>();

  constructor(count: number) {
    this.#count = count;
  }

  begin(id: string): void {
    this.#began.set(id, performance.now());
  }

  done(id: string): void {
    const began = this.#began.get(id);
    if (began === undefined) {
      this.fail(new Error(`${id} ended and never began, or ended twice`));
      return;
    }
    this.#began.delete(id);
    this.#took.push(performance.now() - began);
    if (this.#took.length === this.#count) this.#end.resolve(this.#took);
  }

  fail(error: unknown): void {
    this.#end.reject(error);
  }

  /** Milliseconds of each body, when all are done. */
  async end(timeoutMs = 90_000): Promise<number[]> {
    const late = () => this.fail(new Error(`${this.#took.length} of ${this.#count} were done after ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    try {
      return await this.#end.promise;
    } finally {
      clearTimeout(timer);
    }
  }
}
