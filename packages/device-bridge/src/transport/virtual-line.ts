import type { Clock } from './clock.ts';
import { type EndpointFacts, readEndpoints } from './descriptors.ts';
import { type DeviceWire, STALL, type VirtualUsbDevice } from './virtual-device.ts';
import type { WebUsbControlSetup, WebUsbDevice, WebUsbInResult, WebUsbOutResult } from './webusb.ts';

interface PendingRead {
  /** Asked length rounded up to whole packets: where the host controller stops. */
  room: number;
  length: number;
  packets: Uint8Array[];
  got: number;
  cancelTimer: () => void;
  resolve: (result: WebUsbInResult) => void;
  reject: (error: Error) => void;
}

interface Endpoint extends EndpointFacts {
  /** Packets that the device holds until they are fetched. */
  queue: Uint8Array[];
  halted: boolean;
  pending: PendingRead | undefined;
}

export interface LinePlace {
  bus: string;
  address: number;
  ports: number[];
}

/**
 * One virtual device in its port, seen from both ends: the model's `DeviceWire`, and the `usb` library's device object with
 * that library's manners and error texts.
 */
export class VirtualLine implements WebUsbDevice, DeviceWire {
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersionMajor: number;
  readonly deviceVersionMinor: number;
  readonly deviceVersionSubminor: number;
  readonly bus: string;
  readonly address: number;
  readonly ports: readonly number[];
  readonly serialNumber: string | undefined;
  readonly productName: string | undefined;
  /** Makes the next calls of `open` or `claimInterface` fail with this text of the library. */
  refusal: string | undefined;
  readonly #model: VirtualUsbDevice;
  readonly #clock: Clock;
  readonly #onUnplug: (line: VirtualLine) => void;
  readonly #endpoints: Map<number, Endpoint>;
  readonly #failAll = new Set<(error: Error) => void>();
  #opened = false;
  #claimed = false;
  #gone = false;

  constructor(
    model: VirtualUsbDevice,
    facts: { vendorId: number; productId: number; release: number },
    place: LinePlace,
    clock: Clock,
    onUnplug: (line: VirtualLine) => void,
  ) {
    this.#model = model;
    this.#clock = clock;
    this.#onUnplug = onUnplug;
    this.vendorId = facts.vendorId;
    this.productId = facts.productId;
    this.deviceVersionMajor = facts.release >> 8;
    this.deviceVersionMinor = (facts.release >> 4) & 0x0f;
    this.deviceVersionSubminor = facts.release & 0x0f;
    this.bus = place.bus;
    this.address = place.address;
    this.ports = place.ports;
    this.serialNumber = model.descriptors.strings.serial;
    this.productName = model.descriptors.strings.product;
    const endpoints = readEndpoints(model.descriptors.configuration);
    this.#endpoints = new Map(
      endpoints.map((facts) => [facts.address, { ...facts, queue: [], halted: false, pending: undefined }]),
    );
  }

  // The model's end.

  send(endpoint: number, data: Uint8Array, options: { zeroLengthPacket?: boolean } = {}): void {
    if (this.#gone) return;
    const line = this.#inEndpoint(endpoint);
    const size = line.maxPacketSize;
    for (let at = 0; at < data.length; at += size) line.queue.push(new Uint8Array(data.subarray(at, at + size)));
    const isWhole = data.length % size === 0;
    // An interrupt read ends with its packet; nothing has to end it.
    if (isWhole && line.type === 'bulk' && options.zeroLengthPacket !== false) line.queue.push(new Uint8Array(0));
    this.#pump(line);
  }

  stall(endpoint: number): void {
    if (this.#gone) return;
    const line = this.#inEndpoint(endpoint);
    line.halted = true;
    this.#pump(line);
  }

  isReading(endpoint: number): boolean {
    return this.#endpoints.get(endpoint)?.pending !== undefined;
  }

  flush(endpoint: number): void {
    this.#inEndpoint(endpoint).queue.length = 0;
  }

  unplug(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#opened = false;
    for (const line of this.#endpoints.values()) {
      line.queue.length = 0;
      this.#end(line)?.reject(new Error('transferIn error: Disconnected'));
    }
    for (const fail of [...this.#failAll]) fail(new Error('device disconnected'));
    this.#onUnplug(this);
    this.#model.disconnect();
  }

  // The library's end.

  async open(): Promise<void> {
    if (this.refusal !== undefined) throw new Error(`open error: ${this.refusal}`);
    if (this.#gone) throw new Error('open error: device not found (errno 19)');
    this.#opened = true;
  }

  async close(): Promise<void> {
    this.#opened = false;
    this.#claimed = false;
  }

  async claimInterface(): Promise<void> {
    if (!this.#opened) throw new Error('claimInterface error: invalid state');
    this.#claimed = true;
  }

  async releaseInterface(): Promise<void> {
    if (!this.#claimed) throw new Error('releaseInterface error: not claimed');
    this.#claimed = false;
  }

  async detachKernelDriver(): Promise<void> {
    throw new Error('detachKernelDriver error: no kernel driver attached (errno 61)');
  }

  async clearHalt(direction: 'in' | 'out', endpointNumber: number): Promise<void> {
    const line = this.#endpoints.get(direction === 'in' ? endpointNumber | 0x80 : endpointNumber);
    if (line) line.halted = false;
  }

  async controlTransferIn(setup: WebUsbControlSetup, length: number, timeoutMs: number): Promise<WebUsbInResult> {
    const answer = await this.#answer('controlTransferIn', 'transfer was cancelled', timeoutMs, () =>
      this.#model.controlIn({ request: setup.request, value: setup.value, index: setup.index }, length),
    );
    if (answer === STALL) throw new Error('controlTransferIn error: endpoint stalled');
    return inResult(new Uint8Array(answer.subarray(0, length)));
  }

  async controlTransferOut(setup: WebUsbControlSetup, data: Uint8Array, timeoutMs: number): Promise<WebUsbOutResult> {
    const { length } = data;
    const answer = await this.#answer('controlTransferOut', 'transfer was cancelled', timeoutMs, () =>
      this.#model.controlOut({ request: setup.request, value: setup.value, index: setup.index }, new Uint8Array(data)),
    );
    if (answer === STALL) throw new Error('controlTransferOut error: endpoint stalled');
    return { bytesWritten: length, status: 'ok' };
  }

  async transferOut(endpointNumber: number, data: Uint8Array, timeoutMs: number): Promise<WebUsbOutResult> {
    this.#requireClaim('transferOut', this.#endpoints.has(endpointNumber));
    const answer = await this.#answer('transferOut', 'Cancelled', timeoutMs, () =>
      this.#model.bulkOut ? this.#model.bulkOut(endpointNumber, new Uint8Array(data)) : STALL,
    );
    if (answer === STALL) throw new Error('transferOut error: Stall');
    return { bytesWritten: data.length, status: 'ok' };
  }

  async transferIn(endpointNumber: number, length: number, timeoutMs: number): Promise<WebUsbInResult> {
    const line = this.#endpoints.get(endpointNumber | 0x80);
    this.#requireClaim('transferIn', line !== undefined && line.pending === undefined);
    if (!line) throw new Error('transferIn error: endpoint not found');
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#clock.after(timeoutMs, () => {
        this.#end(line)?.reject(new Error('transferIn error: Cancelled'));
      });
      const room = Math.max(1, Math.ceil(length / line.maxPacketSize)) * line.maxPacketSize;
      line.pending = { room, length, packets: [], got: 0, cancelTimer, resolve, reject };
      this.#pump(line);
      if (line.pending) this.#model.readStarted?.(line.address, length);
    });
  }

  /** Moves packets from the device to the host's read; a short packet or a full buffer ends the transfer. */
  #pump(line: Endpoint): void {
    const read = line.pending;
    if (!read) return;
    if (line.halted) {
      this.#end(line)?.reject(new Error('transferIn error: Stall'));
      return;
    }
    let taken = 0;
    for (const packet of line.queue) {
      taken += 1;
      read.packets.push(packet);
      read.got += packet.length;
      if (packet.length < line.maxPacketSize || read.got >= read.room) {
        line.queue.splice(0, taken);
        this.#end(line)?.resolve(inResult(join(read.packets, read.got).subarray(0, read.length)));
        return;
      }
    }
    line.queue.length = 0;
  }

  #end(line: Endpoint): PendingRead | undefined {
    const read = line.pending;
    line.pending = undefined;
    read?.cancelTimer();
    return read;
  }

  /** Asks the model, in its own time: a timeout or an unplug comes first, and a later answer is dropped. */
  #answer<T>(call: string, timeoutText: string, timeoutMs: number, ask: () => T | Promise<T>): Promise<T> {
    if (this.#gone) return Promise.reject(new Error(`${call} error: device disconnected`));
    if (!this.#opened) return Promise.reject(new Error(`${call} error: invalid state`));
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        done();
        reject(new Error(`${call} error: ${error.message}`));
      };
      const cancelTimer = this.#clock.after(timeoutMs, () => fail(new Error(timeoutText)));
      const done = (): void => {
        cancelTimer();
        this.#failAll.delete(fail);
      };
      this.#failAll.add(fail);
      Promise.resolve()
        .then(ask)
        .then(
          (value) => {
            done();
            resolve(value);
          },
          (error: unknown) => fail(error instanceof Error ? error : new Error(String(error))),
        );
    });
  }

  #requireClaim(call: string, endpointFree: boolean): void {
    if (this.#gone) throw new Error(`${call} error: Disconnected`);
    if (!this.#opened || !this.#claimed) throw new Error(`${call} error: invalid state`);
    if (!endpointFree) throw new Error(`${call} error: endpoint not found`);
  }

  #inEndpoint(address: number): Endpoint {
    const line = this.#endpoints.get(address);
    if (!line || !(address & 0x80)) throw new RangeError(`the model has no IN endpoint 0x${address.toString(16)}`);
    return line;
  }
}

function inResult(bytes: Uint8Array): WebUsbInResult {
  return { data: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), status: 'ok' };
}

function join(packets: readonly Uint8Array[], total: number): Uint8Array {
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length;
  }
  return bytes;
}
