import type { KeptAnswer, Outcome, TransactionKind } from '../domain/transaction.ts';

/**
 * The port to a platform that judges. Nothing here throws for what the outside world does: a lost connection, a refusal or nonsense in an
 * answer are values, so that a worker maps them once to an event of the transaction. What throws is a fault of ours.
 */

/** The body as it will be posted, already built. */
export interface UpstreamBody {
  /**
   * Called when a connected socket is there to take it: never while the upstream is down, twice where a token had to be renewed. What it throws, `submit`
   * throws. With its last chunk the body is whole and the stream ends: an answer that overtakes its end costs the connection. A chunk of 64 KiB or more
   * is the stream's own again when the next one is asked for.
   */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
  /** Bytes that the stream yields, exactly. It becomes Content-Length. */
  length: number;
}

/** Why something did not go well. Closed set, safe for logs, labels and the ledger: an upstream's text never gets here. */
export const upstreamReasons = [
  // The wire, before the body began to flow.
  'connect-refused',
  'connect-timeout',
  'connect-failed',
  'name-not-found',
  'tls-failed',
  // The wire at any time. What they mean depends on whether the body had begun to flow: `unavailable` before, `unknown` after.
  'connection-lost',
  'timeout',
  'aborted',
  /** Our own body stream failed, or was not as long as it said. */
  'body-failed',
  // Answers that cannot be understood.
  'answer-lost',
  'answer-unreadable',
  'answer-too-large',
  /** Success without a body: it has been taken and no id is known (ambiguity A11 of the SPID reference). Look it up and alarm. */
  'accepted-without-id',
  // What the status line says.
  'bad-request',
  'unauthorized',
  'forbidden',
  'not-found',
  'conflict',
  'gone',
  'too-large',
  'unsupported-media-type',
  'unprocessable',
  'client-error',
  'redirected',
  'server-error',
  'bad-gateway',
  'service-unavailable',
  'gateway-timeout',
  // The token before the call: nothing has been sent to the API itself.
  'token-refused',
  'token-locked',
  'token-unavailable',
] as const;
export type UpstreamReason = (typeof upstreamReasons)[number];

/** What every mishap carries besides its reason. */
export interface UpstreamFault {
  reason: UpstreamReason;
  httpStatus?: number;
  /** The upstream's own error code where it is one of a known form (`20507`, `1.2.5`, `VALIDATION_ERROR`). Never free text. */
  upstreamCode?: string;
}

/** Certainly not taken; worth another try later, never sooner than `retryAfterMs`. 401 and 403 are here too: credentials can be mended. */
export interface Unavailable extends UpstreamFault {
  kind: 'unavailable';
  retryAfterMs?: number;
}
/** 429: certainly not taken, the account's budget is spent. */
export interface Throttled {
  kind: 'throttled';
  retryAfterMs: number;
}
/** The upstream read it and will never take it as it is. */
export interface Refused extends UpstreamFault {
  kind: 'refused';
}
/** The upstream may or may not have it: ask before sending again. */
export interface Unknown extends UpstreamFault {
  kind: 'unknown';
}
/** It is settled. */
export interface Answered {
  kind: 'answered';
  outcome: Outcome;
  upstreamId?: string;
  /** The answer's JSON where it is small and part of what the caller is owed (IDCloud). It holds no picture. Not for logs. */
  answer?: Readonly<Record<string, unknown>>;
  /** The whole answer where the caller is owed it. It may hold a secret: it is kept sealed. */
  kept?: KeptAnswer;
}
/** The upstream has it; the outcome comes later. */
export interface Taken {
  kind: 'taken';
  upstreamId: string;
  upstreamStatus: string;
  /** As in `Answered`. */
  answer?: Readonly<Record<string, unknown>>;
  kept?: KeptAnswer;
}

/** The upstream took it and it came to nothing there: nothing was judged, and it may be sent anew. */
export interface Voided {
  kind: 'voided';
  reason: VoidReason;
  upstreamStatus: string;
}
/** `cancelled`: the upstream thinks that we gave up. `process-error`: it failed at it. */
export type VoidReason = 'cancelled' | 'process-error';

/** What became of a submission. */
export type SubmitResult = Answered | Taken | Refused | Unavailable | Throttled | Unknown | Voided;

/** What became of a read. Reads have no effect, so anything but the first three is simply asked again later. */
export type Read<T> = { kind: 'ok'; value: T } | { kind: 'not-found' } | Refused | Unavailable | Throttled;

/** How a transaction stands at the upstream. `answer` and `kept` as in `Answered`. */
export type Standing = (
  | { final: true; outcome: Outcome }
  /** `recognised` is false for a word that nobody knows: keep it, count it, keep waiting. */
  | { final: false; upstreamStatus: string; recognised: boolean }
) & { answer?: Readonly<Record<string, unknown>>; kept?: KeptAnswer };

export interface SubmitOptions {
  /** Gives up; what that means follows from how far the body had got. */
  signal?: AbortSignal;
}

/** What a worker needs of every upstream. */
export interface Upstream<Kind extends TransactionKind = TransactionKind, Known extends TransactionKind = Kind> {
  submit(kind: Kind, body: UpstreamBody, options?: SubmitOptions): Promise<SubmitResult>;
  /** Asks for one transaction by the id that the upstream gave. */
  result(kind: Known, upstreamId: string): Promise<Read<Standing> | Voided>;
  /** Waits for calls under way and closes the connections. */
  close(): Promise<void>;
}
