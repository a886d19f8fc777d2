import type { FaceMeasures } from '@atesto/shared/domain/face-measures';

/** A face as it will be sent. */
export interface FacePicture {
  bytes: Uint8Array;
  type: 'image/png' | 'image/jpeg';
  width: number;
  height: number;
  /** Left out where the camera could not look at its pixels. */
  measures?: FaceMeasures;
}

/** A camera that takes faces. One at a time. */
export interface Camera {
  /** Maker and model, as shown to people and recorded with a capture. */
  readonly name: string;
  /** Takes one picture; `signal` ends it. @throws CaptureError */
  takeFace(signal: AbortSignal): Promise<FacePicture>;
}
