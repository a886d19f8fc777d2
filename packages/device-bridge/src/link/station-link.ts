import {
  LINK_MAX_MESSAGE_BYTES,
  type LinkCommand,
  type LinkMessage,
  linkCommand,
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
      this.#options.onLost?.(stop ? code : 0);
      this.#dialLater();
    });
  }

  /** Tells the gateway which devices there are; also whenever that changes. */
  hello(): void {
    const { version, devices } = this.#options;
    this.#send(this.#socket, { type: 'hello', version, devices: devices() });
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
    const command = isBinary ? undefined : parseCommand(data);
    if (!command) {
      socket.close(1008, 'not a command');
      return;
    }
    const { id, call, params, body } = command;
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

function parseCommand(data: RawData): LinkCommand | undefined {
  try {
    const parsed = linkCommand.safeParse(JSON.parse(data.toString()));
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
