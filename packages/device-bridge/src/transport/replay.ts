/**
 * `UsbTransport` over a recording. One FIFO per endpoint and one for control. A control request has to equal the head of its
 * FIFO in setup and OUT data. What the device sent is given out only when the host has asked for everything that it had
 * asked for by then: causality by position in the recording, not by time. A read with nothing left, or whose moment does not
 * come, ends with its own timeout.
 */

import { bounded, type Clock, systemClock } from './clock.ts';
import { hex4 } from './device-id.ts';
import { type Exchange, type Recording, readRecording, wasTakenBack } from './recording.ts';
import {
  type DeviceWatch,
  type TransferOptions,
  type UsbConnection,
  type UsbDeviceInfo,
  UsbError,
  type UsbErrorKind,
  type UsbTransport,
  type VendorRequest,
} from './transport.ts';
import { readUsbmon } from './usbmon.ts';

export interface ReplayOptions {
  clock?: Clock;
  /** USB address of the device, where the recording holds several. */
  address?: number;
}

/** Recorded error numbers and what they mean to a driver. */
const STATUS: Readonly<Record<number, UsbErrorKind>> = {
  [-32]: 'stall',
  [-19]: 'disconnected',
  [-108]: 'disconnected',
  [-110]: 'timeout',
  [-62]: 'timeout',
};

/** Control transfers of both directions share one queue. */
const CONTROL = 0;

interface Queued {
  exchange: Exchange;
  /** The host has asked for it. */
  asked: boolean;
  /** It was given out (IN) or taken (OUT). */
  done: boolean;
}

interface Waiting {
  entry: Queued;
  give: () => void;
}

export class ReplayTransport implements UsbTransport {
  readonly #clock: Clock;
  readonly #device: UsbDeviceInfo;
  readonly #script: Queued[];
  readonly #waiting = new Set<Waiting>();
  #open = false;

  /** @throws RecordingError if `file` is not a usbmon recording of one device */
  constructor(file: Uint8Array, options: ReplayOptions = {}) {
    const recording: Recording = readRecording(readUsbmon(file), options.address);
    const { vendorId, productId, release } = recording.device;
    this.#clock = options.clock ?? systemClock;
    this.#device = { id: `${hex4(vendorId)}:${hex4(productId)}@replay`, vendorId, productId, release };
    this.#script = recording.exchanges.map((exchange) => ({ exchange, asked: exchange.submitted < 0, done: false }));
  }

  async list(): Promise<UsbDeviceInfo[]> {
    return [this.#device];
  }

  async watch(onChange: (devices: readonly UsbDeviceInfo[]) => void): Promise<DeviceWatch> {
    const current = [this.#device];
    onChange(current);
    return { current, available: true, stop: () => undefined };
  }

  async open(id: string): Promise<UsbConnection> {
    if (id !== this.#device.id) throw new UsbError('disconnected', `${id} is not in the recording`);
    if (this.#open) throw new UsbError('busy', `${id} is already open here`);
    this.#open = true;
    return new ReplayConnection(this.#device, this, this.#clock, () => {
      this.#open = false;
    });
  }

  /**
   * What the recording still holds: empty after a full replay. A transfer that the recording's host took back has no answer to
   * give out; it counts as played once it was asked for.
   */
  remaining(): string[] {
    return this.#script
      .filter(({ exchange, asked, done }) => !(wasTakenBack(exchange) ? asked : done))
      .map(({ exchange }) => describe(exchange));
  }

  /** The transfer that the host has to make next on a queue. */
  next(queue: number): Queued | undefined {
    return this.#script.find(({ exchange, done }) => queueOf(exchange) === queue && !done);
  }

  /** Marks that the host has asked, which may be what a waiting read was waiting for. */
  ask(entry: Queued): void {
    entry.asked = true;
    for (const waiting of [...this.#waiting]) if (this.#isDue(waiting.entry)) this.#hand(waiting);
  }

  /** Resolves when the recorded answer may be given out. */
  async due(entry: Queued, options: TransferOptions): Promise<void> {
    if (this.#isDue(entry)) {
      entry.done = true;
      return;
    }
    let waiting: Waiting | undefined;
    const turn = new Promise<void>((give) => {
      waiting = { entry, give };
      this.#waiting.add(waiting);
    });
    try {
      await waitFor(turn, this.#clock, options);
    } finally {
      if (waiting) this.#waiting.delete(waiting);
    }
  }

  #hand(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.entry.done = true;
    waiting.give();
  }

  #isDue({ exchange }: Queued): boolean {
    if (wasTakenBack(exchange)) return false;
    const moment = exchange.completed ?? Number.POSITIVE_INFINITY;
    return this.#script.every(({ exchange: other, asked }) => asked || other.submitted > moment);
  }
}

class ReplayConnection implements UsbConnection {
  readonly device: UsbDeviceInfo;
  readonly #replay: ReplayTransport;
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  readonly #calls = new Map<number, Promise<unknown>>();
  #closed = false;

  constructor(device: UsbDeviceInfo, replay: ReplayTransport, clock: Clock, onClosed: () => void) {
    this.device = device;
    this.#replay = replay;
    this.#clock = clock;
    this.#onClosed = onClosed;
  }

  controlIn(setup: VendorRequest, length: number, options: TransferOptions): Promise<Uint8Array> {
    return this.#call(CONTROL, options, async () => {
      const entry = this.#control(setup, 0xc0, length, undefined);
      return (await this.#answer(entry, options)).slice(0, length);
    });
  }

  controlOut(setup: VendorRequest, data: Uint8Array, options: TransferOptions): Promise<void> {
    return this.#call(CONTROL, options, async () => this.#written(this.#control(setup, 0x40, data.length, data)));
  }

  bulkIn(endpoint: number, length: number, options: TransferOptions): Promise<Uint8Array> {
    return this.#read(endpoint, length, options);
  }

  bulkOut(endpoint: number, data: Uint8Array, options: TransferOptions): Promise<void> {
    return this.#call(endpoint, options, async () => {
      const entry = this.#replay.next(endpoint);
      if (!entry) throw new UsbError('io', `replay: nothing more was written to endpoint 0x${endpoint.toString(16)}`);
      if (!equal(entry.exchange.data, data))
        throw new UsbError('io', `replay: not the data of ${describe(entry.exchange)}`);
      this.#written(entry);
    });
  }

  interruptIn(endpoint: number, length: number, options: TransferOptions): Promise<Uint8Array> {
    return this.#read(endpoint, length, options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#calls.values());
    this.#onClosed();
  }

  #read(endpoint: number, length: number, options: TransferOptions): Promise<Uint8Array> {
    return this.#call(endpoint, options, async () => {
      const entry = this.#replay.next(endpoint);
      // Nothing left: the device stays silent.
      if (!entry) return waitFor(new Promise<never>(() => undefined), this.#clock, options);
      return (await this.#answer(entry, options)).slice(0, length);
    });
  }

  async #answer(entry: Queued, options: TransferOptions): Promise<Uint8Array> {
    this.#replay.ask(entry);
    await this.#replay.due(entry, options);
    assertOk(entry.exchange);
    return entry.exchange.data;
  }

  #written(entry: Queued): void {
    entry.done = true;
    this.#replay.ask(entry);
    assertOk(entry.exchange);
  }

  #control(setup: VendorRequest, requestType: number, length: number, data: Uint8Array | undefined): Queued {
    const entry = this.#replay.next(CONTROL);
    const asked = new Uint8Array(8);
    const view = new DataView(asked.buffer);
    view.setUint8(0, requestType);
    view.setUint8(1, setup.request);
    view.setUint16(2, setup.value, true);
    view.setUint16(4, setup.index, true);
    view.setUint16(6, length, true);
    if (!entry) throw new UsbError('io', `replay: no control request is left, asked ${hex(asked)}`);
    const { exchange } = entry;
    if (!equal(exchange.setup ?? asked.subarray(0, 0), asked))
      throw new UsbError('io', `replay: asked control ${hex(asked)}, recorded is ${describe(exchange)}`);
    if (data && !equal(exchange.data, data)) throw new UsbError('io', `replay: not the data of ${describe(exchange)}`);
    return entry;
  }

  async #call<T>(queue: number, options: TransferOptions, work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new UsbError('io', 'the device is closed');
    if (this.#calls.has(queue)) throw new UsbError('busy', `endpoint 0x${queue.toString(16)} has a transfer under way`);
    options.signal?.throwIfAborted();
    const call = work();
    this.#calls.set(queue, call);
    try {
      return await call;
    } finally {
      this.#calls.delete(queue);
    }
  }
}

function waitFor<T>(work: Promise<T>, clock: Clock, options: TransferOptions): Promise<T> {
  const expired = (): UsbError => new UsbError('timeout', 'replay: the recording has no answer at this point');
  return bounded(work, { clock, ms: options.timeoutMs, expired, signal: options.signal });
}

function assertOk(exchange: Exchange): void {
  if (exchange.status !== 0) throw new UsbError(STATUS[exchange.status] ?? 'io', `recorded status ${exchange.status}`);
}

function queueOf(exchange: Exchange): number {
  return exchange.transfer === 'control' ? CONTROL : exchange.endpoint;
}

function describe(exchange: Exchange): string {
  const what = exchange.setup ? `${hex(exchange.setup)}` : `endpoint 0x${exchange.endpoint.toString(16)}`;
  return `${exchange.transfer} ${what} at ${exchange.submitted}`;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
