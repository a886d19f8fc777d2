/** Time as an argument, so that tests decide how fast it goes. */
export interface Clock {
  /** Milliseconds from a source that never runs backwards. */
  now(): number;
  /** Calls `run` once after `ms`; the result takes the appointment back. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export interface Bound {
  clock: Clock;
  /** Milliseconds until `expired` is asked for the error; without it the work may take for ever. */
  ms?: number;
  expired?: () => Error;
  /** An aborted signal rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Settles as `work` does, or rejects earlier when the time is over or the signal aborts. Work that was left behind goes on
 * and its late result, also a rejection, is dropped.
 */
export function bounded<T>(work: Promise<T>, bound: Bound): Promise<T> {
  const { clock, ms, signal } = bound;
  return new Promise<T>((resolve, reject) => {
    const cancelTimer =
      ms === undefined
        ? undefined
        : clock.after(ms, () => {
            settle();
            reject(bound.expired?.() ?? new Error(`not done within ${ms} ms`));
          });
    const onAbort = (): void => {
      settle();
      reject(reasonOf(signal));
    };
    const settle = (): void => {
      cancelTimer?.();
      signal?.removeEventListener('abort', onAbort);
    };
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort);
    work.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** Resolves after `ms`; an aborted signal rejects with its reason. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  let cancel: (() => void) | undefined;
  const done = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  return bounded(done, { clock, signal }).finally(() => cancel?.());
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
