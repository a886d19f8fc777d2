/** Lowered by half of the share of the last calls that were too much, so that a few of many do not stop all; by a tenth where calls are slow. */
const LOWER = { overloaded: 0.5, slow: 0.1 };
/** Calls under way tell of the same excess: it is lowered once in this time. */
const ONCE_PER_MS = 1_000;
/** Slow is what takes so many times as long as usual, and then some: a usual of few milliseconds is no measure. */
const SLOW = { times: 3, moreMs: 250 };
/** Calls over which "usual" and "lately" are averages, about. */
const USUAL_CALLS = 500;
const LATE_CALLS = 20;

interface Pace {
  usualMs: number;
  latelyMs: number;
}

/**
 * How many calls at once an account bears: one more for each round of calls that went well, fewer when it is too much. Additive increase, multiplicative decrease. It starts at `most`, so an account that bears it all is never held back; how long calls take is compared
 * within one kind of call, as a verification takes longer than an enrolment.
 */
export class AdaptiveLimit {
  readonly #most: number;
  readonly #now: () => number;
  #limit: number;
  #loweredAt = Number.NEGATIVE_INFINITY;
  /** Of the last calls, how many were too much: 0 to 1. */
  #overload = 0;
  readonly #paces = new Map<string, Pace>();

  /** @param now milliseconds of a clock that never goes back */
  constructor(most: number, now: () => number) {
    this.#most = most;
    this.#now = now;
    this.#limit = most;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** From one at a time again, as after an outage. */
  restart(): void {
    this.#limit = 1;
  }

  /** A call of this kind went well. @param underWay calls at once, it included: what is not used proves nothing */
  went(kind: string, ms: number, underWay: number): void {
    this.#overload -= this.#overload / LATE_CALLS;
    if (this.#isSlow(kind, ms)) this.#lower(LOWER.slow);
    else if (underWay * 2 >= this.#limit) this.#limit = Math.min(this.#most, this.#limit + 1 / this.#limit);
  }

  /** 429, 503, no answer in time. */
  overloaded(): void {
    this.#overload += (1 - this.#overload) / LATE_CALLS;
    this.#lower(LOWER.overloaded * this.#overload);
  }

  #lower(by: number): void {
    if (this.#now() - this.#loweredAt < ONCE_PER_MS) return;
    this.#loweredAt = this.#now();
    this.#limit = Math.max(1, this.#limit * (1 - by));
  }

  #isSlow(kind: string, ms: number): boolean {
    const pace = this.#paces.get(kind) ?? { usualMs: ms, latelyMs: ms };
    this.#paces.set(kind, pace);
    pace.usualMs += (ms - pace.usualMs) / USUAL_CALLS;
    pace.latelyMs += (ms - pace.latelyMs) / LATE_CALLS;
    return pace.latelyMs > pace.usualMs * SLOW.times + SLOW.moreMs;
  }
}
