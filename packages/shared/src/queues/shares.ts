/** Places within a lane. */
export const SHARE_LEVELS = 8;

/** Above what a branch captures by hand, in transactions a second. */
const PER_SECOND = 10;
/** So many at once stand in the first place, four times as many in each next one. */
const FIRST = 8;

/**
 * How far back in its lane a source's next transaction stands: who brought more lately than `PER_SECOND` stands behind who brought less. So a branch that
 * comes with a backlog of thousands spreads over the places, and another's single capture passes nearly all of it. Each process knows what it put in line
 * itself, which is enough: a backlog comes through one gateway, or through the sweep.
 */
export class Shares {
  /** By source: when, in milliseconds, what it brought will be within its share. */
  readonly #within = new Map<string, number>();
  #sweptAt = 0;

  /** Counts one more of the source's. @returns its place, 0 the first. */
  place(source: string, nowMs: number): number {
    this.#forget(nowMs);
    const within = Math.max(nowMs, this.#within.get(source) ?? 0) + 1_000 / PER_SECOND;
    this.#within.set(source, within);
    let left = ((within - nowMs) * PER_SECOND) / 1_000 / FIRST;
    let place = 0;
    for (; left > 1 && place < SHARE_LEVELS - 1; left /= 4) place++;
    return place;
  }

  /** Whoever is within their share needs no row. */
  #forget(nowMs: number): void {
    if (nowMs - this.#sweptAt < 60_000) return;
    this.#sweptAt = nowMs;
    for (const [source, within] of this.#within) if (within <= nowMs) this.#within.delete(source);
  }
}
