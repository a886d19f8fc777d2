import { register } from './registers.ts';

/** One thing that happened on the reader's side of the wire. Holds no pixels. */
export type ReaderEvent =
  | { kind: 'plugged' }
  | { kind: 'unplugged' }
  | { kind: 'read'; register: number; length: number }
  | { kind: 'write'; register: number; data: readonly number[] }
  | { kind: 'interrupt'; type: number }
  | { kind: 'frame'; bytes: number; outcome: 'sent' | 'silence' | 'stall' | 'death' | 'lost' }
  | { kind: 'behaviour'; name: string }
  /** The host did what the protocol does not allow. A correct driver leaves none of these. */
  | { kind: 'violation'; what: string };

/** What a virtual reader received and did, in order, for tests to expect on. */
export class ReaderRecord {
  readonly events: ReaderEvent[] = [];

  add(event: ReaderEvent): void {
    this.events.push(event);
  }

  /** Values written to MODE. */
  get modes(): number[] {
    return this.writes(register.mode).flat();
  }

  /** First registers of all reads. */
  get registersRead(): number[] {
    return this.events.flatMap((event) => (event.kind === 'read' ? [event.register] : []));
  }

  /** Data of each write that began at a register. */
  writes(first: number): number[][] {
    return this.events.flatMap((event) =>
      event.kind === 'write' && event.register === first ? [[...event.data]] : [],
    );
  }

  /** Types of the interrupt packets sent. */
  get interrupts(): number[] {
    return this.events.flatMap((event) => (event.kind === 'interrupt' ? [event.type] : []));
  }

  /** Frames that really went to the host. */
  get framesSent(): number {
    return this.events.filter((event) => event.kind === 'frame' && event.outcome === 'sent').length;
  }

  get violations(): string[] {
    return this.events.flatMap((event) => (event.kind === 'violation' ? [event.what] : []));
  }

  clear(): void {
    this.events.length = 0;
  }
}
