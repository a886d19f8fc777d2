import { randomInt } from 'node:crypto';
import type { Clock } from '../transport/clock.ts';
import { type UsbConnection, UsbError } from '../transport/transport.ts';
import { CaptureError } from './driver.ts';
import { answerChallenge } from './uru4000-challenge.ts';
import { REGISTER, REGISTER_REQUEST } from './uru4000-protocol.ts';

/** The reader's registers over its control pipe. Every call throws `UsbError`, reads of too few bytes `CaptureError` `device-fault`. */
export class Uru4000Registers {
  readonly #connection: UsbConnection;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #deadline = Number.POSITIVE_INFINITY;

  /** @param timeoutMs of one access */
  constructor(connection: UsbConnection, clock: Clock, timeoutMs: number) {
    this.#connection = connection;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs `work` with all its accesses together limited to `ms`; a device that dawdles ends as `timeout`. */
  async within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    const before = this.#deadline;
    this.#deadline = Math.min(before, this.#clock.now() + ms);
    try {
      return await work();
    } finally {
      this.#deadline = before;
    }
  }

  async read(register: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#connection.controlIn(access(register), length, { timeoutMs: this.#time() });
    if (bytes.length !== length)
      throw new CaptureError(
        'device-fault',
        `register 0x${register.toString(16)} gave ${bytes.length} of ${length} bytes`,
      );
    return bytes;
  }

  async write(register: number, bytes: Uint8Array): Promise<void> {
    await this.#connection.controlOut(access(register), bytes, { timeoutMs: this.#time() });
  }

  async status(): Promise<number> {
    return (await this.read(REGISTER.status, 1))[0] ?? 0;
  }

  async setStatus(value: number): Promise<void> {
    await this.write(REGISTER.status, Uint8Array.of(value));
  }

  async setMode(mode: number): Promise<void> {
    await this.write(REGISTER.mode, Uint8Array.of(mode));
  }

  async answerChallenge(): Promise<void> {
    await this.write(REGISTER.response, answerChallenge(await this.read(REGISTER.challenge, 16)));
  }

  /** Agrees on the key of a frame: the reader gives the key masked with the seed. */
  async exchangeKey(keyNumber: number, seed: number): Promise<number> {
    const request = new Uint8Array(5);
    const view = new DataView(request.buffer);
    view.setUint8(0, keyNumber);
    view.setUint32(1, seed, true);
    await this.write(REGISTER.scrambleSeed, request);
    const masked = await this.read(REGISTER.scrambleKey, 4);
    return (new DataView(masked.buffer, masked.byteOffset, 4).getUint32(0, true) ^ seed) >>> 0;
  }

  #time(): number {
    const left = this.#deadline - this.#clock.now();
    if (left <= 0) throw new UsbError('timeout', 'the reader took too long');
    return Math.min(this.#timeoutMs, left);
  }
}

/** Seed of a key exchange, drawn for each. */
export function randomSeed(): number {
  return randomInt(2 ** 32);
}

function access(register: number) {
  return { request: REGISTER_REQUEST, value: register, index: 0 };
}
