import { createCipheriv } from 'node:crypto';
import type { Setup, Wire } from './options.ts';
import type { VirtualUareu } from './uareu.ts';

/** A host for tests, as simple as the description of the protocol (hardware.md 2.3); the bridge has the real driver. */
export class TestHost implements Wire {
  readonly packets: number[] = [];
  readonly frames: { data: Uint8Array; ended: boolean }[] = [];
  stalls = 0;
  reading = false;
  readonly #reader: VirtualUareu;
  #wake: (() => void) | undefined;

  constructor(reader: VirtualUareu) {
    this.#reader = reader;
    reader.connect(this);
  }

  send(endpoint: number, data: Uint8Array, options: { zeroLengthPacket?: boolean } = {}): void {
    if (endpoint === 0x81) this.packets.push(((data[0] as number) << 8) | (data[1] as number));
    else {
      this.frames.push({ data, ended: data.length % 64 !== 0 || options.zeroLengthPacket !== false });
      this.reading = false;
    }
    this.#wake?.();
  }

  stall(): void {
    this.stalls++;
    this.reading = false;
    this.#wake?.();
  }

  isReading(endpoint: number): boolean {
    return endpoint === 0x81 || this.reading;
  }

  flush(): void {}

  unplug(): void {
    this.#reader.disconnect();
    this.#wake?.();
  }

  /** Waits until the condition holds; asked again at each sign of life from the reader. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async read(register: number, length: number): Promise<Uint8Array> {
    const answer = await this.#reader.controlIn(setup(register), length);
    if (answer === 'stall') throw new Error('stall');
    return answer;
  }

  async write(register: number, ...data: number[]): Promise<void> {
    const answer = await this.#reader.controlOut(setup(register), Uint8Array.from(data));
    if (answer === 'stall') throw new Error('stall');
  }

  startBulkRead(): void {
    this.reading = true;
    this.#reader.readStarted(0x82);
  }

  /** Brings the reader to life. Returns the rounds it took; throws after 20. */
  async activate(options: { answer?: boolean } = {}): Promise<number> {
    const status = async () => (await this.read(0x07, 1))[0] as number;
    let state = await status();
    if ((state & 0x84) === 0x84) {
      await this.write(0x07, state & 0x0f);
      for (let i = 0; i < 100 && !(state & 1); i++) state = await status();
    }
    if (!(state & 0x80)) await this.write(0x07, state | 0x80);
    for (let round = 1; round <= 20; round++) {
      await this.write(0x07, state & 0x0f);
      if (!((await status()) & 0x80)) return round;
      if (options.answer ?? true) await this.write(0x2000, ...encrypt(await this.read(0x2010, 16)));
    }
    throw new Error('no power');
  }

  /** One capture from waiting for the finger until it is gone. */
  async capture(): Promise<Uint8Array> {
    const count = this.frames.length;
    await this.write(0x4e, 0x10);
    await this.until(() => this.packets.at(-1) === 0x0101);
    this.startBulkRead();
    await this.write(0x4e, 0x20);
    await this.until(() => this.frames.length > count);
    const frame = this.frames.at(-1)?.data as Uint8Array;
    const keys = new Map<number, number>();
    const numbers: number[] = [];
    assemble(frame, (number) => {
      numbers.push(number);
      return 1;
    });
    for (const number of numbers) keys.set(number, await this.#exchange(number));
    await this.write(0x4e, 0x12);
    await this.until(() => this.packets.at(-1) === 0x0200);
    return assemble(frame, (number) => keys.get(number) as number);
  }

  async #exchange(number: number): Promise<number> {
    const seed = 0x51ea2124;
    await this.write(0x33, number, seed & 0xff, (seed >>> 8) & 0xff, (seed >>> 16) & 0xff, seed >>> 24);
    const answer = await this.read(0x34, 4);
    return (new DataView(answer.buffer, answer.byteOffset).getUint32(0, true) ^ seed) >>> 0;
  }
}

/** Descrambles and assembles a frame bit by bit, with no eye to speed. Asks for each key once. */
export function assemble(frame: Uint8Array, keyOf: (number: number) => number): Uint8Array {
  const rows = frame.slice(64);
  const sent = (frame[4] as number) | ((frame[5] as number) << 8);
  const blocks: { flags: number; lines: number }[] = [];
  for (let at = 16; at < 46 && frame[at + 1] !== 0; at += 2) {
    blocks.push({ flags: frame[at] as number, lines: frame[at + 1] as number });
  }
  if (blocks.some(({ flags }) => flags & 2)) {
    let number = frame[6] as number;
    let key = keyOf(number);
    let row = 0;
    for (const { flags, lines } of blocks) {
      if (flags & 0x80) {
        number = (number + 1) & 0xff;
        key = keyOf(number);
      }
      const first = row * 384;
      const length = lines * 384;
      for (let i = 0; i < length && !(flags & 4); i++) {
        if (flags & 2) rows[first + i] = i === length - 1 ? 0 : (rows[first + i + 1] as number) ^ shown(key);
        key = next(key);
      }
      if (!(flags & 1)) row += lines;
      if (row >= sent) break;
    }
  }
  const cells = new Uint8Array(384 * 290);
  let row = 0;
  let to = 0;
  for (const { flags, lines } of blocks) {
    cells.set(rows.subarray(row * 384, (row + lines) * 384), to * 384);
    to += lines;
    if (!(flags & 1)) row += lines;
  }
  return cells;
}

function next(key: number): number {
  const ones = [...((key & 0x9248144d) >>> 0).toString(2)].filter((digit) => digit === '1').length;
  return (((ones & 1) << 31) | (key >>> 1)) >>> 0;
}

function shown(key: number): number {
  return [4, 8, 11, 14, 18, 21, 24, 29].reduce((byte, bit, place) => byte | (((key >>> bit) & 1) << place), 0);
}

function encrypt(block: Uint8Array): Uint8Array {
  const key = Buffer.from('79ac91795ca1478e98e00f3c598f5f4b', 'hex');
  return createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(block);
}

function setup(register: number): Setup {
  return { request: 0x04, value: register, index: 0 };
}
