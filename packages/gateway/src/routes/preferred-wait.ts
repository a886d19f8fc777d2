/** Milliseconds that a caller prefers to be held (`Prefer: wait=N` in seconds, RFC 7240), as far as we go along. */
export function preferredWait(prefer: string | undefined, maxMs: number): number {
  const seconds = Number(/(?:^|[,\s])wait=(\d{1,4})/.exec(prefer ?? '')?.[1] ?? 0);
  return Math.min(seconds * 1000, maxMs);
}
