/** How long something may still take. */
export interface Deadline {
  /** Milliseconds; 0 or less where it is over. */
  leftMs(): number;
}

/** The two clocks of a process, in milliseconds. */
interface Clocks {
  /** May be set, forth and back. */
  wall(): number;
  /** Only goes on, and stands still while the machine sleeps. */
  monotonic(): number;
}
const ownClocks: Clocks = { wall: Date.now, monotonic: () => performance.now() };

/**
 * Ends in `ms`, by whichever clock went on further since: neither a clock that is set back nor a machine that slept puts it off. One that is set forth
 * only ends it early.
 */
export function deadlineIn(ms: number, { wall, monotonic }: Clocks = ownClocks): Deadline {
  const since = { wall: wall(), monotonic: monotonic() };
  return { leftMs: () => ms - Math.max(wall() - since.wall, monotonic() - since.monotonic) };
}
