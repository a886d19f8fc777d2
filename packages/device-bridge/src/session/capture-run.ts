import { randomUUID } from 'node:crypto';
import { type FingerIndex, type FingerName, fingerName } from '@atesto/shared/domain/biometric';
import type { CaptureDevice, CaptureQuality } from '@atesto/shared/domain/capture';
import type { ReaderLease } from '../devices.ts';
import { CaptureError, type FingerEvent, type FingerprintReader, type GreyImage } from '../drivers/driver.ts';
import { bounded, systemClock } from '../transport/clock.ts';
import { hex4 } from '../transport/device-id.ts';
import type { UsbDeviceInfo } from '../transport/transport.ts';

/** How far a plan is, for Capture Status. */
export interface Progress {
  /** The finger that is asked for. */
  finger: FingerName;
  captured: number;
  wanted: number;
  /** What the person should do now. */
  hint?: FingerEvent | 'again';
}

/** One finger, ready for the package. */
export interface CapturedFinger {
  index: FingerIndex;
  /** Id that the picture will have at the gateway. */
  capture: string;
  png: Uint8Array;
  device: CaptureDevice;
  quality: CaptureQuality;
}

/** What is said of a finger where its picture goes by its id. */
export function withoutPicture({ png: _, ...finger }: CapturedFinger): Omit<CapturedFinger, 'png'> {
  return finger;
}

/** A picture as it is sent, with what was measured of it. */
type Picture = Pick<CapturedFinger, 'png' | 'quality'>;

/** A reader's frame as the picture that is sent; undefined where no finger is on it, so that it is asked for again. Throws for a frame that lies. */
export type ToPicture = (image: GreyImage, device: UsbDeviceInfo) => Picture | undefined;

export interface CaptureRun {
  /** Fingers in the order they are asked for. */
  plan: readonly FingerIndex[];
  /** Milliseconds for each finger to come. */
  fingerTimeoutMs: number;
  signal: AbortSignal;
  acquire: (signal: AbortSignal) => Promise<ReaderLease>;
  toPicture: ToPicture;
  onProgress: (progress: Progress) => void;
}

/** Milliseconds that a driver has to end a capture that it should have ended: the person is not kept waiting beyond two seconds. */
const GRACE_MS = 1_000;
/** Milliseconds for a reader to come up within a capture. */
const START_MS = 2_000;
/** Milliseconds for the frame and for the finger to be lifted; the drivers give up waiting for that after ten seconds. */
const FINGER_MS = 15_000;
/** Unusable frames of one finger before the capture is given up. */
const MAX_UNUSABLE = 3;

/** Takes the plan finger by finger on one reader. @throws CaptureError */
export async function captureFingers(run: CaptureRun): Promise<CapturedFinger[]> {
  const { plan, signal } = run;
  const fingers: CapturedFinger[] = [];
  const first = plan[0];
  if (first === undefined) throw new RangeError('a capture plan names at least one finger');
  run.onProgress({ finger: fingerName(first), captured: 0, wanted: plan.length });
  const lease = await run.acquire(signal);
  try {
    for (const index of plan) fingers.push(await captureFinger(run, lease, index, fingers.length));
    return fingers;
  } finally {
    await lease.release();
  }
}

async function captureFinger(
  run: CaptureRun,
  lease: ReaderLease,
  index: FingerIndex,
  captured: number,
): Promise<CapturedFinger> {
  const progress = { finger: fingerName(index), captured, wanted: run.plan.length };
  run.onProgress(progress);
  for (let tries = 0; tries < MAX_UNUSABLE; tries += 1) {
    if (tries > 0) run.onProgress({ ...progress, hint: 'again' });
    const image = await captureFrame(run, lease, (hint) => run.onProgress({ ...progress, hint }));
    const picture = toPicture(run, lease, image);
    if (picture) return { index, capture: randomUUID(), ...picture, device: deviceOf(lease.reader) };
  }
  throw new CaptureError('device-fault', 'the reader gave no usable picture: clean its glass and start again');
}

function toPicture(run: CaptureRun, lease: ReaderLease, image: GreyImage): Picture | undefined {
  try {
    return run.toPicture(image, lease.reader.device);
  } catch (error) {
    throw new CaptureError('device-fault', 'the reader gave a picture of the wrong size: plug it in anew', {
      cause: error,
    });
  }
}

/** The reader for the record. Of a serial number only what the gateway takes is kept: no package is refused for its reader. */
function deviceOf({ model, device }: FingerprintReader): CaptureDevice {
  const serial = device.serialNumber?.replace(/[^\w{}.:-]/g, '').slice(0, 64);
  return { model, usb: `${hex4(device.vendorId)}:${hex4(device.productId)}`, ...(serial && { serial }) };
}

/** One frame, whatever the driver does: a hanging one is left behind soon after its time, an unplugged reader at once. */
async function captureFrame(
  run: CaptureRun,
  lease: ReaderLease,
  onEvent: (event: FingerEvent) => void,
): Promise<GreyImage> {
  const stop = AbortSignal.any([run.signal, lease.lost]);
  if (stop.aborted) throw stopError(run.signal, lease.lost);
  // Nobody waits for the driver any more once this is aborted; whatever it gives later is dropped.
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const endIn = (ms: number, error: () => CaptureError): void => {
    clearTimeout(timer);
    timer = setTimeout(() => ended.abort(error()), ms);
  };
  const silent = () => new CaptureError('device-fault', 'the reader does not answer: plug it in anew');
  // The driver hears of it first and may end in its own words.
  const onStop = (): void => endIn(GRACE_MS, () => stopError(run.signal, lease.lost));
  stop.addEventListener('abort', onStop, { once: true });
  endIn(run.fingerTimeoutMs + START_MS, silent);
  const heard = (event: FingerEvent): void => {
    if (!stop.aborted) endIn(stageMs(event, run.fingerTimeoutMs), silent);
    onEvent(event);
  };
  try {
    const frame = lease.reader.capture({ signal: stop, timeoutMs: run.fingerTimeoutMs, onEvent: heard });
    return await bounded(frame, { clock: systemClock, signal: ended.signal });
  } catch (error) {
    if (lease.lost.aborted || run.signal.aborted) throw stopError(run.signal, lease.lost);
    if (error instanceof CaptureError) throw error;
    throw new CaptureError('device-fault', 'the driver failed', { cause: error });
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}

/** Milliseconds that the next stage may take. */
function stageMs(event: FingerEvent, fingerTimeoutMs: number): number {
  switch (event) {
    case 'ready':
      return fingerTimeoutMs + GRACE_MS;
    case 'finger-on':
      return FINGER_MS;
    case 'finger-off':
      return GRACE_MS;
    default:
      return event satisfies never;
  }
}

function stopError(cancelled: AbortSignal, lost: AbortSignal): CaptureError {
  if (lost.aborted && !cancelled.aborted) return new CaptureError('device-lost', 'the reader was unplugged');
  return new CaptureError('cancelled', 'the capture was cancelled');
}
