/** Calls that the upstream lets through in any second. */
export const ALLOWED_PER_SECOND = 10;

/** What the upstream counted. Times by the machine's clock. */
export interface Counts {
  creates: { taken: number; refused: number };
  polls: { taken: number; refused: number; concluded: number };
  /** The number of each create that was taken, and when it came, by the machine's clock. */
  arrivals: { number: number; at: number }[];
}
