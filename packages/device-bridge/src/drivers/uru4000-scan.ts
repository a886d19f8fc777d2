import type { Clock } from '../transport/clock.ts';
import { type UsbConnection, UsbError } from '../transport/transport.ts';
import { assemble, descramble, type Frame, FrameError, isNoise, isScrambled, parseFrame } from './uru4000-frame.ts';
import type { Uru4000Interrupts } from './uru4000-interrupts.ts';
import { ENDPOINT, FRAME, INTERRUPT, MODE } from './uru4000-protocol.ts';
import type { Uru4000Registers } from './uru4000-registers.ts';

export interface ScanContext {
  connection: UsbConnection;
  registers: Uru4000Registers;
  interrupts: Uru4000Interrupts;
  clock: Clock;
  seed: () => number;
  rotated: boolean;
  /** Milliseconds until a good frame must be there; one takes 128 to 135 at full speed. */
  frameMs: number;
}

/** Frames that are asked for after one that is not valid. */
const RECAPTURES = 3;

/**
 * Takes one frame of the finger that is on the sensor.
 * @returns 384 x 290 grey pixels, or `undefined` if the reader announced its death and has to be activated anew
 * @throws UsbError, FrameError (the last of several invalid frames), the signal's reason
 */
export async function scan(context: ScanContext, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const { registers, interrupts, clock, frameMs } = context;
  const end = clock.now() + frameMs;
  const scope = new AbortController();
  const ends = signal ? AbortSignal.any([signal, scope.signal]) : scope.signal;
  // Longer than the read, whose own timeout tells more.
  const dead = interrupts.wait([INTERRUPT.death], 2 * frameMs, ends).then(() => undefined);
  // Nobody may be waiting any more when these two end.
  dead.catch(() => undefined);
  // The read has to be under way before the mode changes: the reader sends at once.
  let read = readImage(context, end, ends);
  read.catch(() => undefined);
  try {
    await registers.within(frameMs, () => registers.setMode(MODE.capture));
    for (let recaptures = 0; ; recaptures++) {
      const bytes = await Promise.race([read, dead]);
      if (!bytes) return undefined;
      try {
        return await decode(context, parseFrame(bytes));
      } catch (error) {
        if (!(error instanceof FrameError) || recaptures === RECAPTURES) throw error;
      }
      // As long as the mode is capture, each read gives one more frame.
      read = readImage(context, end, ends);
    }
  } finally {
    scope.abort();
  }
}

async function readImage({ connection, clock }: ScanContext, end: number, signal: AbortSignal): Promise<Uint8Array> {
  const timeoutMs = end - clock.now();
  if (timeoutMs <= 0) throw new UsbError('timeout', 'no valid frame in time');
  return connection.bulkIn(ENDPOINT.image, FRAME.request, { timeoutMs, signal });
}

async function decode({ registers, seed, rotated }: ScanContext, frame: Frame): Promise<Uint8Array> {
  if (!isScrambled(frame)) return assemble(frame, frame.data, rotated);
  const steps = descramble(frame);
  let step = steps.next();
  while (!step.done) step = steps.next(await registers.exchangeKey(step.value, seed()));
  const image = assemble(frame, step.value, rotated);
  if (isNoise(image)) throw new FrameError('key', 'the frame does not descramble');
  return image;
}
