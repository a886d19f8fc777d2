import type { UsbConnection, UsbDeviceInfo } from '../transport/transport.ts';

/** Why a capture ended without an image. `UsbError` is mapped to these at the driver's edge. */
export type CaptureErrorKind =
  /** The reader was unplugged or its line failed. */
  | 'device-lost'
  /** The reader answers, but not as its protocol says (bad header, no power-up, refused key exchange). */
  | 'device-fault'
  /** No finger came, or it did not stay. */
  | 'timeout'
  /** The caller's signal ended it. */
  | 'cancelled';

/** A capture that gave no image. The message names the step and never carries pixels. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly kind: CaptureErrorKind;
  constructor(kind: CaptureErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Grey pixels, one byte each, row by row from the top left; 0 is black. Ridges are dark. */
export interface GreyImage {
  width: number;
  height: number;
  pixels: Uint8Array;
  /** Dots per inch along x and y; a raw frame's pixels need not be square. */
  dpiX: number;
  dpiY: number;
}

/** What a person at the reader should know while a capture runs. */
export type FingerEvent = 'ready' | 'finger-on' | 'finger-off';

export interface CaptureOptions {
  /** Ends the capture with `CaptureError` `cancelled`. */
  signal?: AbortSignal;
  /** Milliseconds to wait for a finger. */
  timeoutMs: number;
  onEvent?: (event: FingerEvent) => void;
}

/** An open reader. One capture at a time; asking for a second one meanwhile is a mistake of the caller and throws a plain `Error`. */
export interface FingerprintReader {
  readonly device: UsbDeviceInfo;
  /** Maker and model, as shown to people and recorded with a capture. */
  readonly model: string;
  /** Waits for a finger, takes one frame, waits until the finger is lifted. The image is the decoded frame, not resampled. @throws CaptureError */
  capture(options: CaptureOptions): Promise<GreyImage>;
  /** Switches the reader off and closes it. Never throws. */
  close(): Promise<void>;
}

/** A family of readers that speak one protocol. */
export interface FingerprintDriver {
  readonly family: string;
  /** Activates the reader and owns the connection from here on; a failure closes it. @throws CaptureError `device-fault`, `device-lost` */
  open(connection: UsbConnection): Promise<FingerprintReader>;
}
