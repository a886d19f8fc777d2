import { createCipheriv } from 'node:crypto';
import type { Random } from '../people/random.ts';
import { hardwareStatus as bit } from './registers.ts';

/** State in which the reader is when it gets its plug's power. */
export type PowerOnState =
  /** Low power, as after a cold start. */
  | 'asleep'
  /** Scan power still on from an earlier session: the host has to power it down first. */
  | 'awake'
  /** Bits 2 and 7: power-up is refused until the reboot dance was danced. */
  | 'confused';

export interface PowerOptions {
  start: PowerOnState;
  /** HWSTAT with the scan power on. */
  awake: number;
  /** How many writes of power-up it takes; each but the last leaves bit 7 set. */
  rounds: number;
  /** How many reads show a reboot under way before bit 0 appears. */
  rebootReads: number;
  /** Powers up only after a right answer to the challenge. */
  challenges: boolean;
}

const secret = Buffer.from('79ac91795ca1478e98e00f3c598f5f4b', 'hex');

/** The right answer to a challenge: one block of AES-128. */
export function answerChallenge(challenge: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-ecb', secret, null).setAutoPadding(false);
  return Uint8Array.from(Buffer.concat([cipher.update(challenge), cipher.final()]));
}

/** HWSTAT and what hangs on it. Tells by `onPower` when the scan power goes on or off. */
export class PowerLogic {
  readonly #options: PowerOptions;
  readonly #onPower: (on: boolean) => void;
  readonly #stream: Random;
  #status: number;
  #writes = 0;
  #rebootReads = -1;
  #challenge: Uint8Array | undefined;
  #trusted = false;

  constructor(options: PowerOptions, stream: Random, onPower: (on: boolean) => void) {
    this.#options = options;
    this.#stream = stream;
    this.#onPower = onPower;
    const { awake } = options;
    const states = { awake, asleep: bit.lowPower | awake, confused: bit.lowPower | bit.confused };
    this.#status = states[options.start];
  }

  get on(): boolean {
    return (this.#status & bit.lowPower) === 0;
  }

  readStatus(): number {
    if (this.#rebootReads > 0) this.#rebootReads--;
    else if (this.#rebootReads === 0) {
      this.#rebootReads = -1;
      this.#status = bit.lowPower | bit.rebooted | this.#options.awake;
    }
    return this.#status;
  }

  writeStatus(value: number): void {
    if ((this.#status & 0x84) === (bit.lowPower | bit.confused)) {
      // Only the first step of the reboot dance is understood here; until the reboot is over further writes do nothing.
      if (!(value & bit.lowPower) && this.#rebootReads < 0) this.#rebootReads = this.#options.rebootReads;
      return;
    }
    if (value & bit.lowPower) {
      this.#powerDown(value);
      return;
    }
    if (this.on) {
      this.#status = value;
      return;
    }
    this.#writes++;
    if (this.#writes < this.#options.rounds || (this.#options.challenges && !this.#trusted)) return;
    this.#status = value & 0x0f;
    this.#onPower(true);
  }

  /** A new challenge at each read. */
  readChallenge(): Uint8Array {
    this.#trusted = false;
    this.#challenge = Uint8Array.from({ length: 16 }, () => this.#stream.integer(0, 255));
    return this.#challenge;
  }

  /** False for a wrong answer, or one to no question. */
  writeResponse(response: Uint8Array): boolean {
    this.#trusted = this.#challenge !== undefined && Buffer.compare(answerChallenge(this.#challenge), response) === 0;
    this.#challenge = undefined;
    return this.#trusted;
  }

  #powerDown(value: number): void {
    const was = this.on;
    this.#status = value;
    this.#writes = 0;
    this.#trusted = false;
    if (was) this.#onPower(false);
  }
}
