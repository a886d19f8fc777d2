import { register } from './registers.ts';
import type { Frame } from './scramble.ts';

/** What becomes of a frame that is due. */
export type FrameFate =
  /** Sent, perhaps altered. `zeroLengthPacket: false` leaves out the packet that ends it. */
  | { send: Uint8Array; zeroLengthPacket?: boolean }
  /** Never sent: the host's read hangs. */
  | 'silence'
  /** The bulk endpoint halts. */
  | 'stall'
  /** Interrupt 0800; no frame until the host has powered the reader down and up. */
  | 'death'
  /** The plug is pulled in the middle of the capture. */
  | 'unplug';

export type Refusal = 'stall';
type Later<T> = T | Promise<T>;

/**
 * A way to misbehave. Of all behaviours that a reader was given, the newest that answers something other than `undefined`
 * decides; if none does, the reader does what a good one does.
 */
export interface Behaviour {
  readonly name: string;
  frame?(frame: Frame): FrameFate | undefined;
  controlIn?(first: number, length: number): Later<Uint8Array | Refusal> | undefined;
  /** `done` swallows the write. */
  controlOut?(first: number, data: Uint8Array): Later<Refusal | 'done'> | undefined;
  /** Types to send in place of one; an empty list swallows it. */
  interrupt?(type: number): readonly number[] | undefined;
}

/** The behaviours of one reader, the newest asked first. */
export class BehaviourStack {
  readonly #behaviours: Behaviour[] = [];
  readonly #answered: (name: string) => void;

  /** @param answered told the name of each behaviour that decided something. */
  constructor(answered: (name: string) => void) {
    this.#answered = answered;
  }

  /** Returns the way to take the behaviour back. */
  add(behaviour: Behaviour): () => void {
    this.#behaviours.unshift(behaviour);
    return () => {
      const at = this.#behaviours.indexOf(behaviour);
      if (at >= 0) this.#behaviours.splice(at, 1);
    };
  }

  ask<T>(question: (behaviour: Behaviour) => T | undefined): T | undefined {
    for (const behaviour of this.#behaviours) {
      const answer = question(behaviour);
      if (answer !== undefined) {
        this.#answered(behaviour.name);
        return answer;
      }
    }
    return undefined;
  }
}

/** Lets a behaviour answer `count` times and then keep quiet. */
export function times(count: number, behaviour: Behaviour): Behaviour {
  let left = count;
  const limited =
    <A extends unknown[], R>(ask: (...args: A) => R | undefined) =>
    (...args: A): R | undefined => {
      if (left <= 0) return undefined;
      const answer = ask(...args);
      if (answer !== undefined) left--;
      return answer;
    };
  const { name, frame, controlIn, controlOut, interrupt } = behaviour;
  return {
    name: `${count}× ${name}`,
    ...(frame && { frame: limited(frame.bind(behaviour)) }),
    ...(controlIn && { controlIn: limited(controlIn.bind(behaviour)) }),
    ...(controlOut && { controlOut: limited(controlOut.bind(behaviour)) }),
    ...(interrupt && { interrupt: limited(interrupt.bind(behaviour)) }),
  };
}

/** Sends only the first `bytes` of each frame. */
export const truncateFrame = (bytes: number): Behaviour => ({
  name: 'truncate frame',
  frame: (frame) => ({ send: frame.bytes.subarray(0, bytes) }),
});

/** Announces another number of rows than follow. */
export const lieInHeader = (rows: number): Behaviour => ({
  name: 'lie in header',
  frame: (frame) => {
    const send = frame.bytes.slice();
    new DataView(send.buffer).setUint16(4, rows, true);
    return { send };
  },
});

/** Replaces the block table; its rows may add up to anything. */
export const lieInTable = (pairs: readonly (readonly [flags: number, rows: number])[]): Behaviour => ({
  name: 'lie in table',
  frame: (frame) => {
    const send = frame.bytes.slice();
    send.fill(0, 16, 46);
    send.set(pairs.slice(0, 15).flat(), 16);
    return { send };
  },
});

export const hangOnBulk = (): Behaviour => ({ name: 'hang on bulk', frame: () => 'silence' });
export const stallOnBulk = (): Behaviour => ({ name: 'stall on bulk', frame: () => 'stall' });
export const dieInCapture = (): Behaviour => ({ name: 'die in capture', frame: () => 'death' });
export const unplugInCapture = (): Behaviour => ({ name: 'unplug in capture', frame: () => 'unplug' });
/** Sends the frame without the zero-length packet that has to end it. */
export const forgetFrameEnd = (): Behaviour => ({
  name: 'forget frame end',
  frame: (frame) => ({ send: frame.bytes, zeroLengthPacket: false }),
});

/** Bit 7 of HWSTAT never clears. */
export const refusePowerUp = (): Behaviour => ({
  name: 'refuse power-up',
  controlOut: (first, data) => (first === register.status && !((data[0] ?? 0) & 0x80) ? 'done' : undefined),
});

/** Interrupt packets of these types get lost; all of them if none is named. */
export const loseInterrupts = (...types: number[]): Behaviour => ({
  name: 'lose interrupts',
  interrupt: (type) => (types.length === 0 || types.includes(type) ? [] : undefined),
});

/** Sends each interrupt packet of the type `count` times. */
export const repeatInterrupt = (type: number, count: number): Behaviour => ({
  name: 'repeat interrupt',
  interrupt: (sent) => (sent === type ? Array.from({ length: count }, () => type) : undefined),
});

/** Stalls requests that begin at the register, or all. */
export const stallControl = (only?: number): Behaviour => ({
  name: 'stall control',
  controlIn: (first) => (only === undefined || first === only ? 'stall' : undefined),
  controlOut: (first) => (only === undefined || first === only ? 'stall' : undefined),
});

/** Never answers requests that begin at the register, or any. */
export const hangOnControl = (only?: number): Behaviour => ({
  name: 'hang on control',
  controlIn: (first) => (only === undefined || first === only ? new Promise<never>(() => {}) : undefined),
  controlOut: (first) => (only === undefined || first === only ? new Promise<never>(() => {}) : undefined),
});

/** Answers reads of the register with fewer bytes than asked for. */
export const answerShort = (only: number, bytes: number): Behaviour => ({
  name: 'answer short',
  controlIn: (first) => (first === only ? new Uint8Array(bytes) : undefined),
});
