import { randomUUID } from 'node:crypto';
import type { LinkCommand, LinkMessage } from '@atesto/shared/contracts/bridge-link';
import type { SpidServicesCall } from '@atesto/shared/contracts/spid-services';

/** A station's line, whatever carries it. */
export interface StationLine {
  send(command: LinkCommand): void;
  close(): void;
}

type Answer = Extract<LinkMessage, { type: 'answer' }>;

/** Why a relayed call got no answer. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly kind: 'not-connected' | 'timeout' | 'disconnected';
  constructor(kind: LinkError['kind']) {
    super(kind);
    this.kind = kind;
  }
}

interface Connected {
  line: StationLine;
  pending: Map<string, { resolve: (answer: Answer) => void; reject: (error: LinkError) => void }>;
}

/** The stations that are on the line now, and calls to them. A station has one line: a newer one replaces the older. */
export class StationLinks {
  readonly #connected = new Map<string, Connected>();

  /** Takes a station's line in. Returns what to feed with its messages and what to call when it ends. */
  attach(station: string, line: StationLine): { receive: (message: LinkMessage) => void; detach: () => void } {
    this.disconnect(station);
    const connected: Connected = { line, pending: new Map() };
    this.#connected.set(station, connected);
    return {
      receive: (message) => {
        if (message.type !== 'answer') return;
        connected.pending.get(message.id)?.resolve(message);
        connected.pending.delete(message.id);
      },
      detach: () => {
        if (this.#connected.get(station) === connected) this.#connected.delete(station);
        for (const { reject } of connected.pending.values()) reject(new LinkError('disconnected'));
        connected.pending.clear();
      },
    };
  }

  isConnected(station: string): boolean {
    return this.#connected.has(station);
  }

  /** Stations on the line. */
  count(): number {
    return this.#connected.size;
  }

  disconnect(station: string): void {
    this.#connected.get(station)?.line.close();
  }

  /** Has a station carry out one call of SPID Services. @throws LinkError */
  async call(
    station: string,
    asked: { call: SpidServicesCall; params: Record<string, string>; body?: unknown },
    timeoutMs: number,
  ): Promise<Answer> {
    const connected = this.#connected.get(station);
    if (!connected) throw new LinkError('not-connected');
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    connected.pending.set(id, { resolve, reject });
    const timer = setTimeout(() => {
      connected.pending.delete(id);
      reject(new LinkError('timeout'));
    }, timeoutMs);
    try {
      connected.line.send({ type: 'call', id, ...asked });
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    for (const { line } of this.#connected.values()) line.close();
  }
}
