import type { ReaderModel } from './models.ts';
import type { PowerOnState } from './power.ts';
import type { Block } from './scramble.ts';

/** The part of a virtual bus that the reader speaks on. Fits `DeviceWire` of `@atesto/device-bridge`. */
export interface Wire {
  send(endpoint: number, data: Uint8Array, options?: { zeroLengthPacket?: boolean }): void;
  stall(endpoint: number): void;
  isReading(endpoint: number): boolean;
  flush(endpoint: number): void;
  unplug(): void;
}

/** A vendor request as the bus hands it over. */
export interface Setup {
  request: number;
  value: number;
  index: number;
}

/** Milliseconds that things take. 0 means: before the call that caused it returns. */
export interface Timing {
  /** From power-up to 56AA. */
  scanPower: number;
  /** From touch or lift to its interrupt. */
  finger: number;
  /** From the start of a capture to the frame's last byte; 128–135 were recorded. */
  frame: number;
}

export interface UareuOptions {
  model?: ReaderModel;
  /** Decides serial number, keys, tables and noise. */
  seed?: string;
  serial?: string;
  /** `awake` if not given, as both recorded readers were. */
  start?: PowerOnState;
  /** Writes of power-up that are needed; 1 if not given. */
  powerUpRounds?: number;
  /** Further 56AA packets while a finger is awaited; as recorded of the model if not given. */
  repeatedScanPower?: number;
  /** One table for all frames; without it each frame gets its own. */
  blocks?: readonly Block[];
  /** False: frames in clear, as long as the picture's first rows do not look scrambled to the host. */
  scramble?: boolean;
  timing?: Partial<Timing>;
}
