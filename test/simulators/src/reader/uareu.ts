import type { GreyImage } from '../people/grey.ts';
import { type Random, random } from '../people/random.ts';
import { type Behaviour, BehaviourStack, type Refusal } from './behaviours.ts';
import { uprightPicture } from './geometry.ts';
import { Hand } from './hand.ts';
import { KeyRing } from './key-ring.ts';
import {
  bulkEndpoint,
  type Descriptors,
  descriptors,
  interruptEndpoint,
  type ModelFacts,
  models,
  type ReaderModel,
  serialOf,
} from './models.ts';
import type { Setup, Timing, UareuOptions, Wire } from './options.ts';
import { PowerLogic } from './power.ts';
import { ReaderRecord } from './record.ts';
import { interrupt, mode, RegisterFile, register, vendorRequest } from './registers.ts';
import type { Frame } from './scramble.ts';
import { takeFrame } from './take-frame.ts';
import { Timers } from './timers.ts';

/**
 * A U.are.U reader or its Microsoft sister, from the device's side: registers, power and challenge, finger interrupts,
 * scrambled frames. Implements `VirtualUsbDevice` of `@atesto/device-bridge` by its members, so that any virtual bus
 * can carry it. A person's finger is laid on it with `press`, or `placeFinger` and `liftFinger`.
 */
export class VirtualUareu {
  readonly descriptors: Descriptors;
  readonly model: ReaderModel;
  readonly record = new ReaderRecord();
  readonly #options: UareuOptions;
  readonly #timing: Timing;
  readonly #facts: ModelFacts;
  readonly #stream: Random;
  readonly #registers = new RegisterFile();
  readonly #behaviours = new BehaviourStack((name) => this.record.add({ kind: 'behaviour', name }));
  readonly #hand = new Hand(() => this.#reportFinger());
  readonly #keys: KeyRing;
  readonly #timers = new Timers();
  #power: PowerLogic;
  #wire: Wire | undefined;
  #mode: number = mode.off;
  #armed = false;
  /** The frame under way. */
  #due: Frame | undefined;
  #dead = false;
  /** Whether the reader took notice of the finger that lies on it. */
  #seen = false;
  #lastFrame: Frame | undefined;

  constructor(options: UareuOptions = {}) {
    this.#options = options;
    this.model = options.model ?? 'uareu-4500';
    this.#facts = models[this.model];
    this.#timing = { scanPower: this.#facts.scanPowerMs, finger: 5, frame: 130, ...options.timing };
    const seed = options.seed ?? 'reader';
    this.#stream = random(`uareu ${seed}`);
    this.descriptors = descriptors(this.model, options.serial ?? serialOf(seed));
    this.#keys = new KeyRing(seed);
    this.#power = this.#newPower();
  }

  /** The picture a correct driver must have made of the last frame: upright, ridges dark, 384 × 290. */
  get lastPicture(): Uint8Array | undefined {
    return this.#lastFrame && uprightPicture(this.#lastFrame.cells, this.#facts.upsideDown);
  }

  get lastFrame(): Frame | undefined {
    return this.#lastFrame;
  }

  get plugged(): boolean {
    return this.#wire !== undefined;
  }

  // What a person does.

  /** Lays a finger on the glass, or another in its place. The image's middle comes to the middle of the glass. */
  placeFinger(image: GreyImage): void {
    this.#hand.place(image);
  }

  liftFinger(): void {
    this.#hand.lift();
  }

  /** A touch: holds for `holdMs`, or until the host waits for the finger to go or switches the reader off after having seen it. Settles when the finger is lifted. */
  press(image: GreyImage, options: { holdMs?: number } = {}): Promise<void> {
    // The finger before this one was off for long enough to be noticed.
    this.#noticeFinger();
    this.#seen = false;
    const lifted = this.#hand.press(image, options.holdMs);
    if (this.#armed && this.#mode === mode.awaitFingerOff && options.holdMs === undefined) this.#hand.letGo();
    return lifted;
  }

  /** Pulls the plug. It is put in again at the bus. */
  unplug(): void {
    this.#wire?.unplug();
  }

  /** Adds a behaviour; the newest is asked first. Returns the way to take it back. */
  behave(behaviour: Behaviour): () => void {
    return this.#behaviours.add(behaviour);
  }

  // What the bus calls.

  connect(wire: Wire): void {
    this.#wire = wire;
    this.#power = this.#newPower();
    this.#registers.clear();
    this.#rest();
    this.record.add({ kind: 'plugged' });
  }

  disconnect(): void {
    this.#rest();
    this.#wire = undefined;
    this.#hand.letGo();
    this.record.add({ kind: 'unplugged' });
  }

  controlIn(setup: Setup, length: number): Uint8Array | Refusal | Promise<Uint8Array | Refusal> {
    if (!this.#understands(setup)) return 'stall';
    this.record.add({ kind: 'read', register: setup.value, length });
    const misled = this.#behaviours.ask((behaviour) => behaviour.controlIn?.(setup.value, length));
    return misled ?? this.#read(setup.value, length).subarray(0, length);
  }

  controlOut(setup: Setup, data: Uint8Array): Refusal | undefined | Promise<Refusal | undefined> {
    if (!this.#understands(setup)) return 'stall';
    this.record.add({ kind: 'write', register: setup.value, data: [...data] });
    const misled = this.#behaviours.ask((behaviour) => behaviour.controlOut?.(setup.value, data));
    if (misled !== undefined) return misled instanceof Promise ? misled.then(refusal) : refusal(misled);
    this.#write(setup.value, data);
    return undefined;
  }

  readStarted(endpoint: number): void {
    if (endpoint === bulkEndpoint && this.#mode === mode.capture) this.#startFrame();
  }

  // The reader's own doing.

  #understands({ request, value, index }: Setup): boolean {
    if (request === vendorRequest && index === 0) return true;
    this.#violation(`request ${request.toString(16)} to ${value.toString(16)}, index ${index}`);
    return false;
  }

  #read(first: number, length: number): Uint8Array {
    switch (first) {
      case register.status:
        return Uint8Array.of(this.#power.readStatus());
      case register.mode:
        return Uint8Array.of(this.#mode);
      case register.scrambleKey:
        return this.#keys.readKey() ?? this.#refuseKey();
      case register.info:
        return Uint8Array.from(Buffer.from(this.#facts.info, 'hex'));
      case register.challenge:
        return this.#power.readChallenge();
      default:
        return this.#registers.read(first, length);
    }
  }

  #write(first: number, data: Uint8Array): void {
    switch (first) {
      case register.status:
        this.#power.writeStatus(data[0] ?? 0);
        break;
      case register.mode:
        if (this.#power.on) this.#setMode(data[0] ?? 0);
        else this.#violation(`mode ${data[0]?.toString(16)} without scan power`);
        break;
      case register.scrambleIndex:
        if (!this.#keys.writeIndex(data)) this.#violation(`scramble index of ${data.length} bytes`);
        break;
      case register.response:
        if (!this.#power.writeResponse(data)) this.#violation('wrong answer to the challenge');
        break;
      default:
        this.#registers.write(first, data);
    }
  }

  #refuseKey(): Uint8Array {
    this.#violation('key read before the index was written');
    return new Uint8Array(4);
  }

  #newPower(): PowerLogic {
    const { start = 'awake', powerUpRounds = 1 } = this.#options;
    const { awake, challenges } = this.#facts;
    const options = { start, awake, rounds: powerUpRounds, rebootReads: 3, challenges };
    return new PowerLogic(options, this.#stream, (on) => {
      this.#rest();
      if (on) this.#timers.later(this.#timing.scanPower, () => this.#interrupt(interrupt.scanPowerOn));
    });
  }

  /** Back to what power gives: no mode, no timers, nothing queued. */
  #rest(): void {
    this.#timers.clear();
    this.#wire?.flush(interruptEndpoint);
    this.#wire?.flush(bulkEndpoint);
    this.#mode = mode.off;
    this.#armed = false;
    this.#due = undefined;
    this.#dead = false;
    this.#keys.renew();
  }

  #setMode(value: number): void {
    this.#mode = value;
    this.#due = undefined;
    if (value !== mode.capture) this.#wire?.flush(bulkEndpoint);
    this.#armed = value === mode.awaitFingerOn || value === mode.awaitFingerOff;
    if (value === mode.awaitFingerOn) {
      const repeats = this.#options.repeatedScanPower ?? this.#facts.repeatedScanPower;
      for (let i = 0; i < repeats; i++) this.#interrupt(interrupt.scanPowerOn);
    }
    // The light goes out, whether the host has what it wanted or gave up.
    if (value === mode.awaitFingerOff || (value === mode.off && this.#seen)) this.#hand.letGo();
    this.#reportFinger();
    if (value === mode.capture) {
      if (!this.#wire?.isReading(bulkEndpoint)) this.#violation('capture before a bulk read was started');
      this.#startFrame();
    }
  }

  #reportFinger(): void {
    const wanted = this.#wantedFingerEvent();
    if (wanted === undefined) return;
    this.#timers.later(this.#timing.finger, () => {
      if (this.#wantedFingerEvent() === wanted) this.#noticeFinger();
    });
  }

  #noticeFinger(): void {
    const wanted = this.#wantedFingerEvent();
    if (wanted === undefined) return;
    this.#armed = false;
    this.#seen ||= wanted === interrupt.fingerOn;
    this.#interrupt(wanted);
  }

  #wantedFingerEvent(): number | undefined {
    if (!this.#armed) return undefined;
    if (this.#mode === mode.awaitFingerOn && this.#hand.finger) return interrupt.fingerOn;
    if (this.#mode === mode.awaitFingerOff && !this.#hand.finger) return interrupt.fingerOff;
    return undefined;
  }

  #interrupt(type: number): void {
    for (const sent of this.#behaviours.ask((behaviour) => behaviour.interrupt?.(type)) ?? [type]) {
      const packet = new Uint8Array(64);
      new DataView(packet.buffer).setUint16(0, sent);
      this.record.add({ kind: 'interrupt', type: sent });
      this.#wire?.send(interruptEndpoint, packet);
    }
  }

  #startFrame(): void {
    if (this.#due || this.#dead) return;
    const finger = this.#hand.finger;
    const scene = { finger, upsideDown: this.#facts.upsideDown, keys: this.#keys, stream: this.#stream };
    const frame = takeFrame(scene, this.#options);
    if (finger) this.#seen = true;
    this.#due = frame;
    this.#timers.later(this.#timing.frame, () => {
      if (this.#due !== frame) return;
      this.#due = undefined;
      this.#deliver(frame);
    });
  }

  #deliver(frame: Frame): void {
    const fate = this.#behaviours.ask((behaviour) => behaviour.frame?.(frame)) ?? { send: frame.bytes };
    if (typeof fate !== 'string') this.#send(frame, fate);
    else if (fate === 'unplug') this.unplug();
    else {
      this.record.add({ kind: 'frame', bytes: frame.bytes.length, outcome: fate });
      if (fate === 'stall') this.#wire?.stall(bulkEndpoint);
      if (fate === 'death') {
        this.#dead = true;
        this.#interrupt(interrupt.death);
      }
    }
  }

  #send(frame: Frame, { send, zeroLengthPacket = true }: { send: Uint8Array; zeroLengthPacket?: boolean }): void {
    // There is no memory for a frame in the reader: what nobody fetches is gone.
    const fetched = this.#wire?.isReading(bulkEndpoint) ?? false;
    this.record.add({ kind: 'frame', bytes: send.length, outcome: fetched ? 'sent' : 'lost' });
    if (!fetched) return;
    this.#lastFrame = frame;
    this.#wire?.send(bulkEndpoint, send, { zeroLengthPacket });
  }

  #violation(what: string): void {
    this.record.add({ kind: 'violation', what });
  }
}

function refusal(answer: Refusal | 'done'): Refusal | undefined {
  return answer === 'done' ? undefined : answer;
}
