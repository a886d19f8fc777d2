import { type Dispatcher, Pool } from 'undici';
import type { UpstreamBody, UpstreamReason } from './upstream.ts';

/** Every wait has its limit, in milliseconds. */
export interface Timeouts {
  /** To a connected (and for https, greeted) socket. */
  connectMs: number;
  /** A whole submission: connection, body, answer. A synchronous verification is slow; a call given up early is a call to reconcile. */
  submitMs: number;
  /** A whole read. */
  readMs: number;
}

export interface PoolSettings {
  connectMs: number;
  /** Sockets at a time. */
  connections?: number;
  /** PEM certificates to trust besides the system's, for a server with a private authority. */
  ca?: string;
}

/**
 * Connections to one upstream. HTTP/1.1 without pipelining: one call owns a socket, so whatever goes wrong with the socket happened to that
 * call. Idle sockets are dropped early, since a POST that meets a socket the other side is closing ends as `unknown`.
 */
export function createPool(url: URL, settings: PoolSettings): Pool {
  return new Pool(url.origin, {
    connections: settings.connections ?? 16,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
    strictContentLength: true,
    connect: { timeout: settings.connectMs, ...(settings.ca === undefined ? {} : { ca: settings.ca }) },
  });
}

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Full path. It may hold a CPF, so it is never put into an error. */
  path: string;
  headers?: Record<string, string>;
  body?: UpstreamBody;
  /** The limit of the whole call. */
  timeoutMs: number;
  /** An answer beyond this is cut off and not understood. */
  maxAnswerBytes: number;
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  kind: 'http';
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Undefined where it was lost (`bodyFault` says how): the status line is known all the same. */
  body: Buffer | undefined;
  bodyFault?: UpstreamReason;
}

/**
 * No status line came. `began`: a byte of the request's body, or the head of one without a body, was handed to a connected socket, so the
 * upstream may have acted.
 */
export interface NoAnswer {
  kind: 'none';
  began: boolean;
  reason: UpstreamReason;
}

/** One HTTP exchange, without redirects and without retries. Throws only what `body.open` throws. */
export async function exchange(dispatcher: Dispatcher, origin: string, call: Call): Promise<HttpAnswer | NoAnswer> {
  const answer = new Answer(call.maxAnswerBytes);
  const tracker = call.body && new BodyTracker(call.body);
  const stream = tracker?.stream();
  const timer = setTimeout(() => answer.cut('timeout'), call.timeoutMs);
  const abort = () => answer.cut('aborted');
  call.signal?.addEventListener('abort', abort);
  if (call.signal?.aborted) abort();
  else {
    const options: Dispatcher.DispatchOptions = {
      origin,
      path: call.path,
      method: call.method,
      headers: {
        accept: 'application/json',
        ...call.headers,
        ...(call.body ? { 'content-length': String(call.body.length) } : {}),
      },
      // undici takes any async iterable; its types only name Readable. It is pulled when a connected socket is there to take it.
      body: (stream ?? null) as unknown as Buffer | null,
      headersTimeout: call.timeoutMs,
      bodyTimeout: call.timeoutMs,
    };
    try {
      dispatcher.dispatch(options, answer);
    } catch (error) {
      answer.onResponseError(undefined, error);
    }
  }
  const { status, headers, body, fault } = await answer.whole;
  clearTimeout(timer);
  call.signal?.removeEventListener('abort', abort);
  // An early answer leaves the body half read: let its source go.
  stream?.return().catch(() => {});

  if (status !== undefined) {
    if (!fault) return { kind: 'http', status, headers, body };
    const isCut = fault === 'timeout' || fault === 'aborted' || fault === 'answer-too-large';
    return { kind: 'http', status, headers, body: undefined, bodyFault: isCut ? fault : 'answer-lost' };
  }
  if (tracker?.openFailure) throw tracker.openFailure.error;
  if (tracker?.failed || fault === 'body-failed') {
    // A body that is cut short cannot be acted upon; one that failed after its last byte can.
    return { kind: 'none', began: tracker?.complete ?? false, reason: 'body-failed' };
  }
  const began = tracker?.began ?? answer.began;
  const reason = fault ?? 'connection-lost';
  // ETIMEDOUT and the like on a socket that was connected.
  return { kind: 'none', began, reason: began && reason.startsWith('connect-') ? 'connection-lost' : reason };
}

/** What came until the answer was whole, or `fault` ended it. */
interface Ended {
  /** Undefined where no status line came. */
  status: number | undefined;
  headers: HttpAnswer['headers'];
  body: Buffer;
  fault: UpstreamReason | undefined;
}

/** Collects one answer as undici reads it. The stream that `request` makes of an answer costs as much as the call, and these are small. */
class Answer implements Dispatcher.DispatchHandler {
  /** The request's head was handed to a connected socket. */
  began = false;
  readonly #whole = Promise.withResolvers<Ended>();
  readonly #most: number;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  #status: number | undefined;
  #headers: HttpAnswer['headers'] = {};
  #chunks: Buffer[] = [];
  #size = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  get whole(): Promise<Ended> {
    return this.#whole.promise;
  }

  /** Ends it here. What waits for a socket is never begun, and a socket that carries it is closed. */
  cut(reason: UpstreamReason): void {
    this.#end(reason);
    this.#controller?.abort(new Error(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('aborted'));
    else this.began = true;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: HttpAnswer['headers']): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.byteLength;
    if (this.#size > this.#most) this.cut('answer-too-large');
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#end(undefined);
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: unknown): void {
    this.#end(isLengthMismatch(error) ? 'body-failed' : classifyWireError(error));
  }

  #end(fault: UpstreamReason | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const body = Buffer.concat(fault ? [] : this.#chunks);
    this.#chunks = [];
    this.#whole.resolve({ status: this.#status, headers: this.#headers, body, fault });
  }
}

/**
 * Knows how much of a body has been handed over. Undici writes the request's head together with the first chunk, so no chunk means no
 * request. It pulls when a connected socket is there, and the body is opened no sooner.
 */
class BodyTracker {
  began = false;
  failed = false;
  #handed = 0;
  openFailure: { error: unknown } | undefined;
  readonly #body: UpstreamBody;

  constructor(body: UpstreamBody) {
    this.#body = body;
  }

  get complete(): boolean {
    return this.#handed >= this.#body.length;
  }

  async *stream(): AsyncGenerator<Uint8Array, void> {
    const source = await this.#open();
    try {
      for await (const chunk of source) {
        // Before the yield: once it is out of our hands it counts as sent.
        this.began = true;
        this.#handed += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }

  async #open(): Promise<AsyncIterable<Uint8Array>> {
    try {
      return await this.#body.open();
    } catch (error) {
      this.openFailure = { error };
      throw error;
    }
  }
}

const byCode: Readonly<Record<string, UpstreamReason>> = {
  ECONNREFUSED: 'connect-refused',
  UND_ERR_CONNECT_TIMEOUT: 'connect-timeout',
  ETIMEDOUT: 'connect-timeout',
  EHOSTUNREACH: 'connect-failed',
  ENETUNREACH: 'connect-failed',
  ENOTFOUND: 'name-not-found',
  EAI_AGAIN: 'name-not-found',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_ABORTED: 'aborted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls-failed',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls-failed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls-failed',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls-failed',
  EPROTO: 'tls-failed',
};

/** The short word for a socket's or undici's error. Its message is never looked at: it may hold the path. */
export function classifyWireError(error: unknown): UpstreamReason {
  const code = codeOf(error);
  if (code === undefined) return 'connection-lost';
  const known = Object.hasOwn(byCode, code) ? byCode[code] : undefined;
  if (known) return known;
  return /^(CERT_|ERR_TLS_|ERR_SSL_)/.test(code) ? 'tls-failed' : 'connection-lost';
}

function isLengthMismatch(error: unknown): boolean {
  return codeOf(error) === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH';
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === 'string' ? code : codeOf(cause);
}

/** Milliseconds from a Retry-After header: seconds or a date. At most an hour, since nobody's clock is that wrong on purpose. */
export function readRetryAfter(headers: HttpAnswer['headers'], now: number): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const delay = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - (dateOf(headers) ?? now);
  return Number.isFinite(delay) ? Math.min(Math.max(delay, 0), 3_600_000) : undefined;
}

/** What the server's clock showed when it answered: a time that it names is meant by that. */
function dateOf({ date }: HttpAnswer['headers']): number | undefined {
  const at = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  return Number.isFinite(at) ? at : undefined;
}

/** The JSON value of an answer, or undefined. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
