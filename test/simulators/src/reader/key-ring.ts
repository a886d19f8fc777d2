import { random } from '../people/random.ts';

/**
 * The keys of one reader and the exchange that hands them out: the host names a number and a seed, the reader answers
 * with the number's key under that seed. Each number has its key from power-up to power-down, so frames that overlap can all be read.
 */
export class KeyRing {
  readonly #seed: string;
  #session = 0;
  #index: { number: number; seed: number } | undefined;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** New keys for all numbers, as after power-up. */
  renew(): void {
    this.#session++;
    this.#index = undefined;
  }

  /** Key of a number: 32 bits, never 0. */
  key(number: number): number {
    return random(`key ${this.#seed} ${this.#session} ${number}`).integer(1, 0xffffffff);
  }

  /** Takes `number u8, seed u32 LE`. Returns false for anything else. */
  writeIndex(data: Uint8Array): boolean {
    if (data.length !== 5) return false;
    const seed = new DataView(data.buffer, data.byteOffset).getUint32(1, true);
    this.#index = { number: data[0] as number, seed };
    return true;
  }

  /** The wrapped key, u32 LE; `undefined` if no index was written. */
  readKey(): Uint8Array | undefined {
    if (!this.#index) return undefined;
    const answer = new Uint8Array(4);
    new DataView(answer.buffer).setUint32(0, (this.key(this.#index.number) ^ this.#index.seed) >>> 0, true);
    return answer;
  }
}
