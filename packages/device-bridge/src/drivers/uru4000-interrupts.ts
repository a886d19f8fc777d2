import { bounded, type Clock } from '../transport/clock.ts';
import { type UsbConnection, UsbError } from '../transport/transport.ts';
import { ENDPOINT, INTERRUPT_BYTES } from './uru4000-protocol.ts';

interface Waiter {
  types: readonly number[];
  resolve: (type: number) => void;
  reject: (error: Error) => void;
}

/** One read of the loop; it is only asked again, so the length does not matter much. */
const READ_MS = 60_000;

/**
 * Keeps exactly one interrupt read pending and remembers which types came, since a packet may arrive before anybody waits
 * for it. Repeated and unknown types are ignored.
 */
export class Uru4000Interrupts {
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #seen = new Set<number>();
  readonly #waiters = new Set<Waiter>();
  readonly #loop: Promise<void>;
  #failure: UsbError | undefined;

  constructor(connection: UsbConnection, clock: Clock) {
    this.#clock = clock;
    this.#loop = this.#run(connection);
  }

  /** Why the loop ended; a reader whose loop has ended needs a new one. */
  get failure(): UsbError | undefined {
    return this.#failure;
  }

  /** Whether a packet of this type came that nobody waited for. */
  has(type: number): boolean {
    return this.#seen.has(type);
  }

  forget(...types: number[]): void {
    for (const type of types) this.#seen.delete(type);
  }

  /**
   * The first of `types` that has come or comes; it is forgotten with that.
   * @throws UsbError `timeout` after `ms`, or why the loop ended; the signal's reason
   */
  async wait(types: readonly number[], ms: number, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const seen = types.find((type) => this.#seen.delete(type));
    if (seen !== undefined) return seen;
    if (this.#failure) throw this.#failure;
    let waiter: Waiter | undefined;
    const coming = new Promise<number>((resolve, reject) => {
      waiter = { types, resolve, reject };
      this.#waiters.add(waiter);
    });
    const expired = (): UsbError => new UsbError('timeout', 'no such interrupt came');
    try {
      return await bounded(coming, { clock: this.#clock, ms, expired, signal });
    } finally {
      if (waiter) this.#waiters.delete(waiter);
    }
  }

  /** Ends the loop and waits for its read. */
  async stop(): Promise<void> {
    this.#stop.abort(new UsbError('io', 'the interrupt loop was stopped'));
    await this.#loop;
  }

  async #run(connection: UsbConnection): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      try {
        const packet = await connection.interruptIn(ENDPOINT.interrupt, INTERRUPT_BYTES, {
          timeoutMs: READ_MS,
          signal,
        });
        if (packet.length >= 2) this.#take(((packet[0] ?? 0) << 8) | (packet[1] ?? 0));
      } catch (error) {
        if (error instanceof UsbError && error.kind === 'timeout') continue;
        this.#fail(error instanceof UsbError ? error : new UsbError('io', String(error), { cause: error }));
        return;
      }
    }
  }

  #take(type: number): void {
    let wanted = false;
    for (const waiter of [...this.#waiters]) {
      if (!waiter.types.includes(type)) continue;
      wanted = true;
      this.#waiters.delete(waiter);
      waiter.resolve(type);
    }
    if (!wanted) this.#seen.add(type);
  }

  #fail(error: UsbError): void {
    this.#failure = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}
