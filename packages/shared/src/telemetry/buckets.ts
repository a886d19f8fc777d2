/** Seconds, 5 ms to 60 s: requests in and out, jobs. */
export const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
/** Seconds, 0.5 s to a day: from acceptance to the outcome. The objective (15 minutes) is a border. */
export const END_TO_END_SECONDS = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 14_400, 86_400] as const;
/** Seconds, 5 ms to a day: from acceptance to the first send, which takes milliseconds unless something is away. */
export const WAIT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300, 900, 3600, 86_400] as const;
/** Seconds, 0.5 ms to 5 s: the vault. */
export const STORAGE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5] as const;
/** Bytes, 1 kB to 20 MB. */
export const BODY_BYTES = [
  1_000, 10_000, 50_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 20_000_000,
] as const;
