import type { GreyImage } from '../people/grey.ts';

/** What lies on the glass, and who lifts it when. */
export class Hand {
  readonly #moved: () => void;
  #finger: GreyImage | undefined;
  #waiting: (() => void) | undefined;
  #held = false;

  /** @param moved called after each touch and lift. */
  constructor(moved: () => void) {
    this.#moved = moved;
  }

  get finger(): GreyImage | undefined {
    return this.#finger;
  }

  place(image: GreyImage): void {
    this.#release();
    this.#finger = image;
    this.#moved();
  }

  lift(): void {
    this.#finger = undefined;
    this.#release();
    this.#moved();
  }

  /** Places the finger and lifts it after `holdMs`, or else at the next `letGo`. Settles when it is lifted or replaced. */
  press(image: GreyImage, holdMs?: number): Promise<void> {
    this.place(image);
    return new Promise((resolve) => {
      const timer = holdMs === undefined ? undefined : setTimeout(() => this.lift(), holdMs);
      this.#waiting = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#held = holdMs !== undefined;
    });
  }

  /** The reader's light goes out: a finger that waits for it is lifted. */
  letGo(): void {
    if (this.#waiting && !this.#held) this.lift();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
