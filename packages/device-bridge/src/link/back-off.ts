/** Exponential back-off with jitter: many stations that lost one gateway come back spread out. */
export interface BackOffOptions {
  /** Milliseconds of the first step. */
  baseMs: number;
  /** Milliseconds that no step exceeds. */
  maxMs: number;
  /** Number in [0, 1). */
  random?: () => number;
}

/** Milliseconds to wait after `failures` in a row (1 for the first): between half and the whole of the step, so never at once. */
export function backOffMs(failures: number, options: BackOffOptions): number {
  const { baseMs, maxMs, random = Math.random } = options;
  const step = Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(step / 2 + (random() * step) / 2);
}
