import { createCipheriv } from 'node:crypto';
import type { Clock } from '../transport/clock.ts';
import type { VendorRequest } from '../transport/transport.ts';
import { type DeviceWire, STALL, type Stall, type VirtualUsbDevice } from '../transport/virtual-device.ts';
import { frameBytes, type PlainBlock, ridgeRows, scramble, withoutLostBytes } from './uru4000-scramble.fixture.ts';

export const BLOCKS: readonly PlainBlock[] = [
  { flags: 0x02, rows: 72 },
  { flags: 0x00, rows: 1 },
  { flags: 0x02, rows: 49 },
  { flags: 0x01, rows: 1 },
  { flags: 0x80, rows: 1 },
  { flags: 0x02, rows: 49 },
  { flags: 0x04, rows: 1 },
  { flags: 0x02, rows: 116 },
];

export const ROWS = withoutLostBytes(ridgeRows(289), BLOCKS);

const SCRAMBLED = scramble(ROWS, BLOCKS, 3, keyOf);

/** What a script may do with an access or a frame instead of the normal thing. */
export type Mischief = 'hang' | 'stall' | 'unplug' | undefined;

/** Where the reader is in its work; scripts go by it. */
export interface Access {
  direction: 'in' | 'out';
  register: number;
  /** Written bytes, in hex. */
  data: string;
}

/** A reader that follows the protocol except where its script says otherwise. Times are of the given clock. */
export class ScriptedReader implements VirtualUsbDevice {
  readonly descriptors;
  /** Everything the host did, such as `out 4e 10`. */
  readonly log: string[] = [];
  onAccess: (access: Access) => Mischief = () => undefined;
  /** Called for each frame; sends it unless the script does something else. */
  onFrame: (send: (bytes: Uint8Array, options?: { zeroLengthPacket: boolean }) => void, good: Uint8Array) => void = (
    send,
    good,
  ) => send(good);
  finger = true;
  scrambled = true;
  /** Gives a key that is not the frame's. */
  wrongKey = false;
  /** Milliseconds until the power-up interrupt; negative for before the write completes, infinite for never. */
  powerOnAfter: number[] = [-1];
  fingerAfter = 50;
  status = 0x03;
  wire: DeviceWire | undefined;
  readonly #clock: Clock;
  readonly #challenged: boolean;
  #answered = false;
  #mode = 0;
  #seed = 0;
  #keyNumber = 0;
  #powerUps = 0;

  constructor(clock: Clock, ids: { vendorId?: number; productId?: number } = {}) {
    this.#clock = clock;
    const { vendorId = 0x05ba, productId = 0x000a } = ids;
    this.#challenged = productId === 0x00ca;
    const device = Buffer.from('120100020000004000000000030101020301', 'hex');
    device.writeUInt16LE(vendorId, 8);
    device.writeUInt16LE(productId, 10);
    this.descriptors = {
      device,
      configuration: Buffer.from(
        '09022000010100806409040000 02ffffff00 07058103400008 07058202400000'.replaceAll(' ', ''),
        'hex',
      ),
      strings: { product: 'U.are.U® 4500 Fingerprint Reader', serial: '{5E81A1-1}' },
    };
  }

  connect(wire: DeviceWire): void {
    this.wire = wire;
    this.status = 0x03;
    this.#mode = 0;
    this.#answered = false;
  }

  disconnect(): void {
    this.wire = undefined;
    this.#mode = 0;
  }

  controlIn({ value }: VendorRequest, length: number): Uint8Array | Stall | Promise<Uint8Array | Stall> {
    const mischief = this.#mischief({ direction: 'in', register: value, data: '' });
    if (mischief) return mischief;
    if (value === 0x07) return Uint8Array.of(this.status);
    if (value === 0xf0) return new Uint8Array(16).fill(0x25).subarray(0, length);
    if (value === 0x2010) return new Uint8Array(16).fill(0x4d);
    if (value === 0x34) {
      const key = Buffer.alloc(4);
      key.writeUInt32LE((keyOf(this.#keyNumber + (this.wrongKey ? 1 : 0)) ^ this.#seed) >>> 0);
      return key;
    }
    return STALL;
  }

  controlOut({ value }: VendorRequest, data: Uint8Array): Stall | undefined | Promise<Stall | undefined> {
    const bytes = Buffer.from(data);
    const mischief = this.#mischief({ direction: 'out', register: value, data: bytes.toString('hex') });
    if (mischief) return mischief;
    if (value === 0x07) this.#setStatus(bytes[0] ?? 0);
    else if (value === 0x4e) this.#setMode(bytes[0] ?? 0);
    else if (value === 0x33) [this.#keyNumber, this.#seed] = [bytes[0] ?? 0, bytes.readUInt32LE(1)];
    else if (value === 0x2000) this.#answered = bytes.equals(expectedAnswer());
    else return STALL;
    return undefined;
  }

  /** More frames as long as the mode is capture. */
  readStarted(endpoint: number): void {
    if (endpoint === 0x82 && this.#mode === 0x20) this.#sendFrame();
  }

  interrupt(type: number): void {
    const packet = Buffer.alloc(64, 0xcd);
    packet.writeUInt16BE(type);
    this.wire?.send(0x81, packet);
  }

  #setStatus(value: number): void {
    const wasLow = (this.status & 0x80) !== 0;
    if ((this.status & 0x84) === 0x84) this.#later(30, () => (this.status = 0x81));
    if (value & 0x80) this.status = value;
    else if (wasLow && (this.status & 0x84) !== 0x84 && (!this.#challenged || this.#answered)) this.#powerUp(value);
  }

  #powerUp(value: number): void {
    this.status = value;
    const after = this.powerOnAfter[Math.min(this.#powerUps, this.powerOnAfter.length - 1)] ?? 0;
    this.#powerUps += 1;
    if (after < 0) this.interrupt(0x56aa);
    else if (after < Number.POSITIVE_INFINITY) this.#later(after, () => this.interrupt(0x56aa));
  }

  #setMode(mode: number): void {
    this.#mode = mode;
    if (mode === 0x10) {
      this.interrupt(0x56aa);
      this.#later(this.fingerAfter, () => this.#mode === 0x10 && this.finger && this.interrupt(0x0101));
    }
    if (mode === 0x12) this.#later(this.fingerAfter, () => this.#mode === 0x12 && this.interrupt(0x0200));
    // A sensor without a buffer: whoever does not read by now has lost the frame.
    if (mode === 0x20 && this.wire?.isReading(0x82)) this.#sendFrame();
  }

  #sendFrame(): void {
    const rows = this.scrambled ? SCRAMBLED : ROWS;
    this.#later(130, () =>
      this.onFrame((bytes, options) => this.wire?.send(0x82, bytes, options), frameBytes(rows, BLOCKS, 3)),
    );
  }

  #later(ms: number, run: () => void): void {
    const wire = this.wire;
    this.#clock.after(ms, () => {
      if (this.wire === wire) run();
    });
  }

  #mischief(access: Access): Stall | Promise<never> | undefined {
    this.log.push(`${access.direction} ${access.register.toString(16).padStart(2, '0')} ${access.data}`.trim());
    const what = this.onAccess(access);
    if (what === 'unplug') this.wire?.unplug();
    if (what === 'stall') return STALL;
    return what ? new Promise(() => undefined) : undefined;
  }
}

function keyOf(keyNumber: number): number {
  return Math.imul(keyNumber + 11, 0x85ebca6b) >>> 0;
}

function expectedAnswer(): Buffer {
  const cipher = createCipheriv('aes-128-ecb', Buffer.from('79ac91795ca1478e98e00f3c598f5f4b', 'hex'), null);
  return cipher.update(Buffer.alloc(16, 0x4d));
}
