import type { Range } from './bodies.ts';

/** Jobs in work at a time: the default of `WORKER_CONCURRENCY`. */
export const CONCURRENCY = 50;
/** Sockets to the platform: the default of `SPID_SERVER_CONNECTIONS`. */
export const SOCKETS = 16;
/** Connections to PostgreSQL: the default of `DATABASE_CONNECTIONS`. */
export const DATABASE_CONNECTIONS = 10;
export const ENROLL_PATH = '/gbs-spid-server/people';

/** One way to bring bodies to the platform. Only `run` is measured. */
export interface Variant {
  /** Makes the bodies ready to be sent, and whatever the variant sends them from. */
  prepare(range: Range): Promise<void>;
  /** Sends what was prepared. Resolves after the last is done, with the milliseconds that each took. */
  run(): Promise<number[]>;
  /** Checks its own books and removes what the round left. @throws Error when they do not add up */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export const variantNames = ['bare', 'atesto', 'atesto-pg', 'obvious'] as const;
export type VariantName = (typeof variantNames)[number];

/** A round as its client's process saw it. */
export interface ClientRound {
  seconds: number;
  /** Processor time of the process, all threads, user and system, in µs. */
  cpuUs: number;
  /** Median over the bodies, from the moment it is taken up to the moment it is done. */
  msPerBody: number;
}

export interface VariantSettings {
  /** Origin of the stub server. */
  stub: string;
  redis: string;
  /** A database of its own. */
  database: string;
  /** A folder of its own. */
  dir: string;
}

/** `work` on every item, `atOnce` of them at a time. */
export async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<unknown>) {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++] as T);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

export function numbersIn({ from, count }: Range): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** Counts bodies to the end of a round; a failure anywhere ends the round. */
export class RoundClock {
  readonly #began = new Map<string, number>();
  readonly #took: number[] = [];
  readonly #count: number;
  readonly #end = Promise.withResolvers<number[]>();

  constructor(count: number) {
    this.#count = count;
  }

  /** The first call for an id counts. */
  begin(id: string): void {
    if (!this.#began.has(id)) this.#began.set(id, performance.now());
  }

  done(id: string): void {
    const began = this.#began.get(id);
    if (began === undefined) {
      this.fail(new Error(`${id} ended and never began, or ended twice`));
      return;
    }
    this.#began.delete(id);
    this.#took.push(performance.now() - began);
    if (this.#took.length === this.#count) this.#end.resolve(this.#took);
  }

  fail(error: unknown): void {
    this.#end.reject(error);
  }

  /** Milliseconds of each body, when all are done. */
  async end(timeoutMs = 90_000): Promise<number[]> {
    const late = () => this.fail(new Error(`${this.#took.length} of ${this.#count} were done after ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    try {
      return await this.#end.promise;
    } finally {
      clearTimeout(timer);
    }
  }
}
