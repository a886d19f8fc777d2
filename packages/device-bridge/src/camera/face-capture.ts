import type { FaceAnswer, FaceFailure } from '@atesto/shared/contracts/bridge-link';
import { CaptureError } from '../drivers/driver.ts';
import type { GatewayClient } from '../link/gateway-client.ts';
import { bounded, systemClock } from '../transport/clock.ts';
import type { Camera, FacePicture } from './camera.ts';

export interface FaceCaptureOptions {
  /** Undefined at a station without one. */
  camera: Camera | undefined;
  gateway: Pick<GatewayClient, 'putCapture'>;
  /** Whether a reader is at work: a station takes one capture at a time. */
  readerInUse: () => boolean;
  /** Milliseconds for a face to come. */
  timeoutMs: number;
  /** Told how each one ended. */
  onOutcome?: (outcome: 'taken' | FaceFailure) => void;
}

/** Takes a face because somebody waits for it at the gateway: nothing is stored here, and what fails is asked for again. */
export class FaceCapture {
  readonly #options: FaceCaptureOptions;
  readonly #closed = new AbortController();
  #running: Promise<FaceAnswer> | undefined;

  constructor(options: FaceCaptureOptions) {
    this.#options = options;
  }

  /** Why no reader can begin now, in words for people. */
  obstacle(): string | undefined {
    return this.#running && 'the camera takes a face: wait until it is done';
  }

  /** Takes one face and uploads it under the id `capture`. Never throws. */
  async take(capture: string, cancelled: AbortSignal): Promise<FaceAnswer> {
    const { camera, readerInUse, onOutcome } = this.#options;
    let answer: FaceAnswer;
    if (!camera) answer = failed('no-camera');
    else if (this.#running || readerInUse()) answer = failed('busy');
    else {
      this.#running = this.#take(camera, capture, AbortSignal.any([cancelled, this.#closed.signal]));
      answer = await this.#running;
      this.#running = undefined;
    }
    onOutcome?.(answer.outcome === 'failed' ? answer.why : 'taken');
    return answer;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#running;
  }

  async #take(camera: Camera, capture: string, stopped: AbortSignal): Promise<FaceAnswer> {
    try {
      const { bytes, type, measures } = await this.#picture(camera, stopped);
      const stored = await this.#options.gateway.putCapture(capture, bytes, type);
      if (stored.kind !== 'ok') return failed('not-uploaded');
      return { outcome: 'taken', device: { model: camera.name }, ...(measures && { measures }) };
    } catch (error) {
      if (error instanceof CaptureError) return failed(error.kind);
      return failed(stopped.aborted ? 'cancelled' : 'device-fault');
    }
  }

  /** A camera that hangs is left behind, like a reader: a late picture is dropped. */
  async #picture(camera: Camera, stopped: AbortSignal): Promise<FacePicture> {
    const ended = new AbortController();
    try {
      return await bounded(camera.takeFace(AbortSignal.any([stopped, ended.signal])), {
        clock: systemClock,
        ms: this.#options.timeoutMs,
        expired: () => new CaptureError('timeout', 'no face came in time'),
        signal: stopped,
      });
    } finally {
      ended.abort();
    }
  }
}

const failed = (why: FaceFailure): FaceAnswer => ({ outcome: 'failed', why });
