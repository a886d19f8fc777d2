import { randomUUID } from 'node:crypto';
import type { FaceAnswer, GatewayMessage, LinkMessage } from '@atesto/shared/contracts/bridge-link';
import type { SpidServicesCall } from '@atesto/shared/contracts/spid-services';

/** A station's line, whatever carries it. */
export interface StationLine {
  send(message: GatewayMessage): void;
  close(): void;
}

type Reply = Extract<LinkMessage, { type: 'answer' | 'face' }>;
type Answer = Extract<Reply, { type: 'answer' }>;
type Face = Extract<Reply, { type: 'face' }>;

/** Why a station gave no answer. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly kind: 'not-connected' | 'timeout' | 'disconnected';
  constructor(kind: LinkError['kind']) {
    super(kind);
    this.kind = kind;
  }
}

interface Pending {
  expects: Reply['type'];
  resolve: (reply: Reply) => void;
  reject: (error: LinkError) => void;
}

interface Connected {
  line: StationLine;
  pending: Map<string, Pending>;
  /** Whether it named a camera; unknown until its `hello`. */
  camera?: boolean;
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
        if (message.type === 'hello') connected.camera = message.camera !== undefined;
        if (message.type !== 'answer' && message.type !== 'face') return;
        const pending = connected.pending.get(message.id);
        if (pending?.expects === message.type) pending.resolve(message);
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
    const command = { type: 'call', id: randomUUID(), ...asked } as const;
    return (await ask(connected, command, 'answer', timeoutMs)) as Answer;
  }

  /**
   * Has a station take a face now and upload it as `capture`. Whoever gives up waiting (`signal`, the time) has the camera told.
   * @throws LinkError
   */
  async captureFace(
    station: string,
    { capture, timeoutMs, signal }: { capture: string; timeoutMs: number; signal: AbortSignal },
  ): Promise<FaceAnswer> {
    const connected = this.#connected.get(station);
    // Before its `hello` nobody knows what it can do: it is connecting still.
    if (connected?.camera === undefined) throw new LinkError('not-connected');
    if (!connected.camera) return { outcome: 'failed', why: 'no-camera' };
    if (signal.aborted) return { outcome: 'failed', why: 'cancelled' };
    const id = randomUUID();
    const cancel = () => connected.line.send({ type: 'cancel-face', id });
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const command = { type: 'capture-face', id, capture } as const;
      return ((await ask(connected, command, 'face', timeoutMs)) as Face).answer;
    } catch (error) {
      if (error instanceof LinkError && error.kind === 'timeout') cancel();
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  close(): void {
    for (const { line } of this.#connected.values()) line.close();
  }
}

async function ask(
  { line, pending }: Connected,
  command: GatewayMessage,
  expects: Reply['type'],
  timeoutMs: number,
): Promise<Reply> {
  const { id } = command;
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  pending.set(id, { expects, resolve, reject });
  const timer = setTimeout(() => reject(new LinkError('timeout')), timeoutMs);
  try {
    line.send(command);
    return await promise;
  } finally {
    clearTimeout(timer);
    pending.delete(id);
  }
}
