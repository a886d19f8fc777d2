import {
  type FaceAnswer,
  type GatewayMessage,
  gatewayMessage,
  LINK_MAX_MESSAGE_BYTES,
  type LinkCommand,
  type LinkMessage,
} from '@atesto/shared/contracts/bridge-link';
import type { CaptureStatusWord } from '@atesto/shared/contracts/spid-services';
import { type RawData, WebSocket } from 'ws';
import { type CallAnswer, type Dispatch, JSON_TYPE } from '../session/dispatch.ts';
import { type BackOffOptions, backOffMs } from './back-off.ts';

export interface StationLinkOptions {
  /** Origin of the gateway. */
  url: string;
  key: string;
  ca?: string;
  dispatch: Dispatch;
  /** Of the bridge, for the fleet's overview. */
  version: string;
  devices: () => { model: string; ready: boolean }[];
  /** Name of the camera, where there is one. */
  camera?: string | undefined;
  /** Takes a face and uploads it under the id `capture`. Never throws. */
  takeFace: (capture: string, cancelled: AbortSignal) => Promise<FaceAnswer>;
  /** The line stands: what waits in the outbox can go. */
  onConnected?: () => void;
  /** `code` is the close code, or 0 where it never stood. */
  onLost?: (code: number) => void;
  handshakeTimeoutMs?: number;
  /** Between two pings; a line that gave no sign of life for two of them is dead. */
  pingMs?: number;
  backOff?: BackOffOptions;
}

/** Calls that may be under way at once; a gateway that sends more is told so. */
const MAX_CALLS = 16;

const CLOSE_MS = 1_000;

/** The line that the station dials to the gateway: `GET /v1/link`. It comes back by itself for as long as it is open. */
export class StationLink {
  readonly #options: StationLinkOptions;
  readonly #handshakeTimeoutMs: number;
  readonly #pingMs: number;
  readonly #backOff: BackOffOptions;
  #socket: WebSocket | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #calls = 0;
  /** Faces under way, by the id of who asked. */
  readonly #faces = new Map<string, AbortController>();
  #closed = false;

  constructor(options: StationLinkOptions) {
    this.#options = options;
    this.#handshakeTimeoutMs = options.handshakeTimeoutMs ?? 10_000;
    this.#pingMs = options.pingMs ?? 15_000;
    this.#backOff = options.backOff ?? { baseMs: 500, maxMs: 30_000 };
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open(): void {
    if (this.#closed || this.#socket) return;
    const { url, key, ca } = this.#options;
    const address = new URL('/v1/link', url);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address, {
      headers: { authorization: `Bearer ${key}` },
      handshakeTimeout: this.#handshakeTimeoutMs,
      maxPayload: LINK_MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
      ...(ca !== undefined && { ca }),
    });
    this.#socket = socket;
    let stop: (() => void) | undefined;
    socket.on('open', () => {
      stop = this.#keepAlive(socket);
      // A line that falls at once is a failure too: only one that carried something starts the back-off anew.
      socket.once('pong', () => {
        this.#failures = 0;
      });
      socket.ping();
      this.hello();
      this.#options.onConnected?.();
    });
    socket.on('message', (data, isBinary) => void this.#received(socket, data, isBinary));
    // 'close' follows; without a listener an 'error' would end the process.
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      stop?.();
      this.#socket = undefined;
      // Whoever asked cannot be answered any more.
      for (const face of this.#faces.values()) face.abort();
      this.#options.onLost?.(stop ? code : 0);
      this.#dialLater();
    });
  }

  /** Tells the gateway which devices there are; also whenever that changes. */
  hello(): void {
    const { version, devices, camera } = this.#options;
    this.#send(this.#socket, { type: 'hello', version, devices: devices(), ...(camera !== undefined && { camera }) });
  }

  progress(status: CaptureStatusWord): void {
    this.#send(this.#socket, { type: 'progress', status });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    socket?.close(1001);
    // Whoever does not answer the close is not waited for.
    setTimeout(() => socket?.terminate(), CLOSE_MS).unref();
  }

  #dialLater(): void {
    if (this.#closed) return;
    this.#failures += 1;
    this.#retry = setTimeout(() => this.open(), backOffMs(this.#failures, this.#backOff));
    this.#retry.unref();
  }

  /** A peer that vanished without a FIN is found by its silence. */
  #keepAlive(socket: WebSocket): () => void {
    let silent = 0;
    const alive = () => {
      silent = 0;
    };
    socket.on('pong', alive).on('ping', alive).on('message', alive);
    const timer = setInterval(() => {
      silent += 1;
      if (silent > 2) socket.terminate();
      else socket.ping();
    }, this.#pingMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  async #received(socket: WebSocket, data: RawData, isBinary: boolean): Promise<void> {
    const message = isBinary ? undefined : parseMessage(data);
    switch (message?.type) {
      case undefined:
        socket.close(1008, 'not a command');
        return;
      case 'call':
        return this.#execute(socket, message);
      case 'capture-face':
        return this.#takeFace(socket, message.id, message.capture);
      case 'cancel-face':
        this.#faces.get(message.id)?.abort();
        return;
      default:
        message satisfies never;
    }
  }

  async #takeFace(socket: WebSocket, id: string, capture: string): Promise<void> {
    const cancel = new AbortController();
    this.#faces.set(id, cancel);
    const answer = await this.#options.takeFace(capture, cancel.signal);
    this.#faces.delete(id);
    this.#send(socket, { type: 'face', id, answer });
  }

  async #execute(socket: WebSocket, { id, call, params, body }: LinkCommand): Promise<void> {
    if (this.#calls >= MAX_CALLS) {
      this.#send(socket, { type: 'answer', id, ...failure(503, 'too many calls at once') });
      return;
    }
    this.#calls += 1;
    try {
      const answer = await this.#options.dispatch(call, params, body);
      const text = answerText(answer);
      const fits = text.length < LINK_MAX_MESSAGE_BYTES - 1_024;
      const { status, contentType } = answer;
      const sent = fits ? { status, contentType, body: text } : failure(500, 'the answer is too large for the link');
      this.#send(socket, { type: 'answer', id, ...sent });
    } finally {
      this.#calls -= 1;
    }
  }

  #send(socket: WebSocket | undefined, message: LinkMessage): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message), () => undefined);
  }
}

function parseMessage(data: RawData): GatewayMessage | undefined {
  try {
    const parsed = gatewayMessage.safeParse(JSON.parse(data.toString()));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function answerText({ contentType, body }: CallAnswer): string {
  if (typeof body !== 'string') return Buffer.from(body).toString('base64');
  return contentType.startsWith('application/json') ? body : Buffer.from(body).toString('base64');
}

function failure(status: number, message: string): { status: number; contentType: string; body: string } {
  return { status, contentType: JSON_TYPE, body: JSON.stringify({ status: 'ERROR', message }) };
}
