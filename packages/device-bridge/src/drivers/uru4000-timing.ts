/**
 * Milliseconds. A capture has to end within two seconds of whatever went wrong, so nothing here may take longer, together
 * with `offMs`; register accesses of a sound reader take a few milliseconds.
 */
export interface Uru4000Timing {
  /** One register access. */
  controlMs: number;
  /** The whole activation when the reader is opened. */
  openMs: number;
  /** The whole activation within a capture. */
  activationMs: number;
  /** Wait for the power-up interrupt, before the activation is tried again. */
  powerOnMs: number;
  /** From the start of a scan to a valid frame. */
  frameMs: number;
  /** While nothing is heard from the reader it is asked for its status; infinity never asks. */
  heartbeatMs: number;
  /** Time for that answer. */
  heartbeatAnswerMs: number;
  /** Wait for the finger to be lifted; the image is given back after that also with the finger on. */
  fingerOffMs: number;
  /** Switching off, best effort. */
  offMs: number;
}

export const URU4000_TIMING: Uru4000Timing = {
  controlMs: 1_200,
  openMs: 5_000,
  activationMs: 1_300,
  powerOnMs: 300,
  frameMs: 1_300,
  heartbeatMs: 1_000,
  heartbeatAnswerMs: 500,
  fingerOffMs: 10_000,
  offMs: 200,
};
