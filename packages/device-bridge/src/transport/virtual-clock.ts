import type { Clock } from './clock.ts';

/**
 * Time that jumps from one appointment to the next as soon as nothing else is left to do: hours pass in milliseconds, always in
 * the same order. For virtual devices and tests.
 */
export class VirtualClock implements Clock {
  readonly #appointments = new Set<{ at: number; run: () => void }>();
  #now = 0;
  #pumping = false;

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const appointment = { at: this.#now + Math.max(0, ms), run };
    this.#appointments.add(appointment);
    this.#pump();
    return () => {
      this.#appointments.delete(appointment);
    };
  }

  /** One appointment per turn of the event loop: all promises that it settles have run before the next. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      let next: { at: number; run: () => void } | undefined;
      for (const appointment of this.#appointments) if (!next || appointment.at < next.at) next = appointment;
      if (!next) return;
      this.#appointments.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      if (this.#appointments.size > 0) this.#pump();
    });
  }
}
