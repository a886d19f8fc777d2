import { bounded, type Clock } from './clock.ts';
import type { Mutex } from './mutex.ts';
import {
  type TransferOptions,
  type UsbConnection,
  type UsbDeviceInfo,
  UsbError,
  type VendorRequest,
} from './transport.ts';
import { toUsbError } from './usb-errors.ts';
import type { WebUsbDevice, WebUsbInResult } from './webusb.ts';

export interface Usb3ConnectionOptions {
  clock: Clock;
  /** Milliseconds of one interrupt read: how long the endpoint stays occupied after an abort. */
  sliceMs: number;
  /** Milliseconds that a transfer may overrun its own timeout before it counts as lost (nusb #103: Windows may never complete it). */
  graceMs: number;
  mutex: Mutex;
  onClosed: () => void;
}

/** Both directions of endpoint 0 share one pipe. */
const CONTROL = 0;
const MAX_TIMEOUT_MS = 0xffff_ffff;
const INTERFACE = 0;

/**
 * One open device. The library has no cancel: a call that ends early (abort, overrun) leaves its transfer behind on the
 * endpoint; the next call there and `close` wait for it.
 */
export class Usb3Connection implements UsbConnection {
  readonly device: UsbDeviceInfo;
  readonly #native: WebUsbDevice;
  readonly #options: Usb3ConnectionOptions;
  /** Endpoints with a call under way. */
  readonly #owned = new Set<number>();
  /** Native transfers not yet settled, by endpoint. */
  readonly #pending = new Map<number, Promise<void>>();
  readonly #calls = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(device: UsbDeviceInfo, native: WebUsbDevice, options: Usb3ConnectionOptions) {
    this.device = device;
    this.#native = native;
    this.#options = options;
  }

  controlIn(setup: VendorRequest, length: number, options: TransferOptions): Promise<Uint8Array> {
    return this.#call(CONTROL, async () => {
      const result = await this.#transfer('control in', CONTROL, options.timeoutMs, options.signal, (ms) =>
        this.#native.controlTransferIn(vendorSetup(setup), length, ms),
      );
      return bytesOf(result, length, 'control in');
    });
  }

  controlOut(setup: VendorRequest, data: Uint8Array, options: TransferOptions): Promise<void> {
    return this.#call(CONTROL, async () => {
      const result = await this.#transfer('control out', CONTROL, options.timeoutMs, options.signal, (ms) =>
        this.#native.controlTransferOut(vendorSetup(setup), data, ms),
      );
      assertWritten(result.bytesWritten, data.length, 'control out');
    });
  }

  /** One native transfer for the whole length: partial data of a transfer that times out is lost, so it is never sliced. */
  bulkIn(endpoint: number, length: number, options: TransferOptions): Promise<Uint8Array> {
    return this.#call(endpoint, async () => {
      const result = await this.#transferIn('bulk in', endpoint, length, options.timeoutMs, options.signal);
      return bytesOf(result, length, 'bulk in');
    });
  }

  bulkOut(endpoint: number, data: Uint8Array, options: TransferOptions): Promise<void> {
    return this.#call(endpoint, async () => {
      const result = await this.#transfer('bulk out', endpoint, options.timeoutMs, options.signal, (ms) =>
        this.#native.transferOut(endpoint & 0x0f, data, ms),
      );
      assertWritten(result.bytesWritten, data.length, 'bulk out');
    });
  }

  /** Polled in slices: an interrupt packet is fetched whole or not at all, so a slice that times out loses nothing. */
  interruptIn(endpoint: number, length: number, options: TransferOptions): Promise<Uint8Array> {
    return this.#call(endpoint, async () => {
      const { clock, sliceMs } = this.#options;
      const end = clock.now() + options.timeoutMs;
      for (;;) {
        const slice = Math.min(sliceMs, Math.max(1, end - clock.now()));
        try {
          const result = await this.#transferIn('interrupt in', endpoint, length, slice, options.signal);
          return bytesOf(result, length, 'interrupt in');
        } catch (error) {
          if (!(error instanceof UsbError) || error.kind !== 'timeout' || clock.now() >= end || this.#closing)
            throw error;
        }
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    await Promise.allSettled(this.#calls);
    const { clock, graceMs, mutex, onClosed } = this.#options;
    await bounded(Promise.all(this.#pending.values()), { clock, ms: MAX_PENDING_MS + graceMs }).catch(() => undefined);
    await mutex.run(async () => {
      await this.#native.releaseInterface(INTERFACE).catch(() => undefined);
      await this.#native.close().catch(() => undefined);
    });
    onClosed();
  }

  /** Holds the endpoint for the whole call, so that a second one is refused here and not by the library's "endpoint not found". */
  async #call<T>(endpoint: number, work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new UsbError('io', `endpoint ${name(endpoint)}: the device is closed`);
    if (this.#owned.has(endpoint)) throw new UsbError('busy', `endpoint ${name(endpoint)} has a transfer under way`);
    this.#owned.add(endpoint);
    const call = work();
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
      this.#owned.delete(endpoint);
    }
  }

  async #transferIn(step: string, endpoint: number, length: number, ms: number, signal: AbortSignal | undefined) {
    try {
      return await this.#transfer(step, endpoint, ms, signal, (limit) =>
        this.#native.transferIn(endpoint & 0x0f, length, limit),
      );
    } catch (error) {
      // A stalled endpoint stays halted until the host clears it; the caller learns of the stall, the next read works.
      if (error instanceof UsbError && error.kind === 'stall')
        await this.#native.clearHalt('in', endpoint & 0x0f).catch(() => undefined);
      throw error;
    }
  }

  async #transfer<T>(
    step: string,
    endpoint: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    start: (timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { clock, graceMs } = this.#options;
    const expired = (): UsbError => new UsbError('timeout', `${step}: no answer in time`);
    const end = clock.now() + timeoutMs;
    const left = this.#pending.get(endpoint);
    if (left) await bounded(left, { clock, ms: timeoutMs, expired, signal });
    // 0 would mean "return at once", and the argument is a u32.
    const ms = Math.min(MAX_TIMEOUT_MS, Math.max(1, Math.ceil(end - clock.now())));
    const native = this.#guard(start, ms);
    const settled: Promise<void> = native.then(
      () => this.#forget(endpoint, settled),
      () => this.#forget(endpoint, settled),
    );
    this.#pending.set(endpoint, settled);
    try {
      return await bounded(native, { clock, ms: ms + graceMs, expired, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw toUsbError(error, step);
    }
  }

  /** The library may throw at once or reject later; both end as a rejection. */
  async #guard<T>(start: (timeoutMs: number) => Promise<T>, ms: number): Promise<T> {
    return await start(ms);
  }

  #forget(endpoint: number, settled: Promise<void>): void {
    if (this.#pending.get(endpoint) === settled) this.#pending.delete(endpoint);
  }
}

/** Longest that `close` waits for transfers left behind; longer than any transfer a driver here asks for. */
const MAX_PENDING_MS = 5_000;

function vendorSetup(setup: VendorRequest) {
  return { requestType: 'vendor', recipient: 'device', ...setup } as const;
}

/** The library rounds a read up to whole packets; what is beyond the asked length is cut off. */
function bytesOf(result: WebUsbInResult, length: number, step: string): Uint8Array {
  const { data } = result;
  if (!data) throw new UsbError('stall', `${step}: ${result.status ?? 'no data'}`);
  return new Uint8Array(data.buffer, data.byteOffset, Math.min(data.byteLength, length));
}

function assertWritten(written: number, asked: number, step: string): void {
  if (written !== asked) throw new UsbError('io', `${step}: ${written} of ${asked} bytes written`);
}

function name(endpoint: number): string {
  return `0x${endpoint.toString(16).padStart(2, '0')}`;
}
