import type { Range } from './bodies.ts';

/** Jobs in work at a time: the default of `WORKER_CONCURRENCY`. */
export const CONCURRENCY = 50;
/** Sockets to the platform: the default of `SPID_SERVER_CONNECTIONS`. */
export const SOCKETS = 16;
export const ENROLL_PATH = '/gbs-spid-server/people';

/** One way to bring bodies to the platform, or to look results up. Only `run` is measured. */
export interface Variant {
  /** Makes everything ready to be sent. */
  prepare(range: Range): Promise<void>;
  /** Sends what was prepared. Resolves after the last is done, with the milliseconds that each took. */
  run(): Promise<number[]>;
  /** Checks its own books and removes what the round left. @throws Error when they do not add up */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** Variants that are processes of the bench's own. */
export type VariantName = 'bare' | 'bareLookUps' | 'obvious';

export interface VariantSettings {
  /** Origin of the stub server. */
  stub: string;
  redis: string;
  /** Size of a body, in bytes. */
  aim: number;
}

/** `work` on every item, `atOnce` of them at a time. */
export async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<unknown>) {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++] as T);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
