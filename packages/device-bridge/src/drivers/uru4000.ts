/** Driver of the DigitalPersona U.are.U 4000 family: the life cycle of an open reader. */

import { type Clock, systemClock } from '../transport/clock.ts';
import { type UsbConnection, type UsbDeviceInfo, UsbError } from '../transport/transport.ts';
import { toCaptureError } from './capture-failure.ts';
import {
  CaptureError,
  type CaptureOptions,
  type FingerEvent,
  type FingerprintDriver,
  type FingerprintReader,
  type GreyImage,
} from './driver.ts';
import { activate } from './uru4000-activation.ts';
import { Uru4000Interrupts } from './uru4000-interrupts.ts';
import { FRAME, INTERRUPT, MODE, RAW_DPI, type Uru4000Model, uru4000Model } from './uru4000-protocol.ts';
import { randomSeed, Uru4000Registers } from './uru4000-registers.ts';
import { scan } from './uru4000-scan.ts';
import { URU4000_TIMING, type Uru4000Timing } from './uru4000-timing.ts';

export interface Uru4000Options {
  clock?: Clock;
  /** Gives an unsigned 32-bit number for each key exchange. */
  seed?: () => number;
  timing?: Partial<Uru4000Timing>;
}

/** Times that the reader may announce its death within one capture. */
const DEATHS = 3;

export function uru4000Driver(options: Uru4000Options = {}): FingerprintDriver {
  return {
    family: 'uru4000',
    async open(connection) {
      const { vendorId, productId } = connection.device;
      const model = uru4000Model(vendorId, productId);
      if (!model) {
        await connection.close();
        throw new CaptureError('device-fault', 'not a reader of the U.are.U 4000 family');
      }
      const reader = new Uru4000Reader(connection, model, options);
      try {
        await reader.start();
      } catch (error) {
        await reader.close();
        throw toCaptureError(error, 'activation');
      }
      return reader;
    },
  };
}

export class Uru4000Reader implements FingerprintReader {
  readonly device: UsbDeviceInfo;
  readonly model: string;
  readonly #connection: UsbConnection;
  readonly #profile: Uru4000Model;
  readonly #clock: Clock;
  readonly #seed: () => number;
  readonly #timing: Uru4000Timing;
  readonly #registers: Uru4000Registers;
  readonly #closing = new AbortController();
  #interrupts: Uru4000Interrupts | undefined;
  /** Powered up, and in a state that a capture can start from. */
  #active = false;
  #info: Uint8Array = new Uint8Array(0);
  #capture: Promise<GreyImage> | undefined;
  #closed: Promise<void> | undefined;

  constructor(connection: UsbConnection, model: Uru4000Model, options: Uru4000Options) {
    this.device = connection.device;
    this.model = model.name;
    this.#connection = connection;
    this.#profile = model;
    this.#clock = options.clock ?? systemClock;
    this.#seed = options.seed ?? randomSeed;
    this.#timing = { ...URU4000_TIMING, ...options.timing };
    this.#registers = new Uru4000Registers(connection, this.#clock, this.#timing.controlMs);
  }

  /** The 16 bytes of the info register as last read: versions, for a diagnosis. */
  get info(): Uint8Array {
    return this.#info;
  }

  /** @throws UsbError */
  async start(): Promise<void> {
    await this.#activate(this.#timing.openMs);
  }

  async capture(options: CaptureOptions): Promise<GreyImage> {
    if (this.#capture) throw new Error('a capture is already under way on this reader');
    if (this.#closed) throw new CaptureError('device-lost', 'the reader was closed');
    const capture = this.#run(options);
    this.#capture = capture;
    try {
      return await capture;
    } finally {
      this.#capture = undefined;
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#closing.abort(new CaptureError('cancelled', 'the reader was closed'));
    await this.#capture?.catch(() => undefined);
    if (this.#active) await this.#off();
    await this.#interrupts?.stop();
    await this.#connection.close();
  }

  async #run(options: CaptureOptions): Promise<GreyImage> {
    const signal = options.signal ? AbortSignal.any([options.signal, this.#closing.signal]) : this.#closing.signal;
    let lost = false;
    try {
      const pixels = await this.#takeImage(options, signal);
      await this.#untilFingerOff(options, signal);
      return { width: FRAME.width, height: FRAME.height, pixels, dpiX: RAW_DPI.x, dpiY: RAW_DPI.y };
    } catch (error) {
      const failure = toCaptureError(error, 'capture', signal);
      lost = failure.kind === 'device-lost';
      throw failure;
    } finally {
      // Off after each capture: the light goes out, and the next one starts from a known state, whatever happened here.
      if (lost) this.#active = false;
      else await this.#off();
    }
  }

  /** Waits for the finger and scans it; a reader that announces its death is activated anew and asked again. */
  async #takeImage(options: CaptureOptions, signal: AbortSignal): Promise<Uint8Array> {
    const end = this.#clock.now() + options.timeoutMs;
    for (let deaths = 0; deaths <= DEATHS; deaths++) {
      signal.throwIfAborted();
      const interrupts = await this.#activate(this.#timing.activationMs);
      signal.throwIfAborted();
      interrupts.forget(INTERRUPT.fingerOn, INTERRUPT.fingerOff);
      await this.#registers.setMode(MODE.awaitFingerOn);
      notify(options, 'ready');
      const came = await this.#listen(interrupts, [INTERRUPT.fingerOn, INTERRUPT.death], end, signal);
      if (came === undefined) throw new CaptureError('timeout', 'no finger came');
      if (came === INTERRUPT.fingerOn) {
        notify(options, 'finger-on');
        const image = await this.#scan(interrupts, signal);
        if (image) return image;
      }
      this.#active = false;
    }
    throw new CaptureError('device-fault', 'the reader keeps failing its scans');
  }

  async #untilFingerOff(options: CaptureOptions, signal: AbortSignal): Promise<void> {
    const interrupts = this.#interrupts;
    if (!interrupts) return;
    await this.#registers.setMode(MODE.awaitFingerOff);
    const end = this.#clock.now() + this.#timing.fingerOffMs;
    const came = await this.#listen(interrupts, [INTERRUPT.fingerOff, INTERRUPT.death], end, signal);
    if (came === INTERRUPT.fingerOff) notify(options, 'finger-off');
  }

  #scan(interrupts: Uru4000Interrupts, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const context = {
      connection: this.#connection,
      registers: this.#registers,
      interrupts,
      clock: this.#clock,
      seed: this.#seed,
      rotated: this.#profile.rotated,
      frameMs: this.#timing.frameMs,
    };
    return scan(context, signal);
  }

  /** The first of `types`, or `undefined` at `end`. Asks a silent reader for its status, since silence alone does not tell a hanging one. */
  async #listen(
    interrupts: Uru4000Interrupts,
    types: readonly number[],
    end: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    for (;;) {
      const left = Math.max(0, end - this.#clock.now());
      try {
        return await interrupts.wait(types, Math.min(left, this.#timing.heartbeatMs), signal);
      } catch (error) {
        if (!(error instanceof UsbError) || error.kind !== 'timeout') throw error;
      }
      if (this.#clock.now() >= end) return undefined;
      await this.#heartbeat();
    }
  }

  async #heartbeat(): Promise<void> {
    try {
      await this.#registers.within(this.#timing.heartbeatAnswerMs, () => this.#registers.status());
    } catch (error) {
      // A refusal is an answer too.
      if (!(error instanceof UsbError) || error.kind !== 'stall') throw error;
    }
  }

  async #activate(ms: number): Promise<Uru4000Interrupts> {
    if (this.#interrupts?.failure) {
      this.#interrupts = undefined;
      this.#active = false;
    }
    this.#interrupts ??= new Uru4000Interrupts(this.#connection, this.#clock);
    const interrupts = this.#interrupts;
    if (interrupts.has(INTERRUPT.death)) this.#active = false;
    if (this.#active) return interrupts;
    this.#info = await this.#registers.within(ms, () =>
      activate({
        registers: this.#registers,
        interrupts,
        clock: this.#clock,
        challenged: this.#profile.challenged,
        powerOnMs: this.#timing.powerOnMs,
      }),
    );
    this.#active = true;
    return interrupts;
  }

  /** Best effort: a reader that cannot be switched off is found out by the next activation. */
  async #off(): Promise<void> {
    this.#active = false;
    await this.#registers.within(this.#timing.offMs, () => this.#registers.setMode(MODE.off)).catch(() => undefined);
  }
}

/** A listener that throws must not cost the capture. */
function notify(options: CaptureOptions, event: FingerEvent): void {
  try {
    options.onEvent?.(event);
  } catch {
    // Its own business.
  }
}
