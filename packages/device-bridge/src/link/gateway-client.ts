import { createHash } from 'node:crypto';
import {
  captureView,
  findAnswer,
  latestAnswer,
  type NewRemoteCapture,
  type NewTransaction,
  operatorAnswer,
  personAnswer,
  remoteCaptureView,
  resendAnswer,
  type TransactionView,
  transactionView,
} from '@atesto/shared/contracts/gateway';
import { Agent, type Dispatcher } from 'undici';
import type * as z from 'zod';

/** An answer of the gateway. `unavailable` says nothing about whether the request arrived: every call may be repeated. */
export type GatewayResult<T> =
  | { kind: 'ok'; value: T }
  /** The gateway will not take this request as it is. `type` is the last part of the problem's type, where it gave one. */
  | { kind: 'refused'; status: number; type?: string }
  /** No answer, or one that says "not now". `reason` is a short code, fit for logs. */
  | { kind: 'unavailable'; reason: 'connect' | 'timeout' | 'broken' | 'status' | 'malformed'; status?: number };

export interface GatewayClientOptions {
  /** Origin of the gateway, `https://gateway.example:8443`. */
  url: string;
  /** The station's key. */
  key: string;
  /** PEM of the authority that signed the gateway's certificate, where it is not a public one. */
  ca?: string;
  /** Milliseconds for a connection to stand. */
  connectTimeoutMs?: number;
  /** Milliseconds for the first byte of an answer, beyond the wait that was asked for, and between two chunks. Longer than the gateway asks an upstream. */
  answerTimeoutMs?: number;
}

/** Bytes of the largest answer that is read; a report is the largest thing the gateway gives. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** "Not now" as HTTP says it; everything else below 500 is a refusal. */
const passing = new Set([408, 425, 429]);

interface Ask {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Seconds that the gateway may hold the answer back (RFC 7240). */
  wait?: number;
}

/** The gateway's native API as a station uses it. CPFs travel in bodies only. */
export class GatewayClient {
  readonly #agent: Agent;
  readonly #origin: string;
  readonly #key: string;
  readonly #answerTimeoutMs: number;

  constructor(options: GatewayClientOptions) {
    const { connectTimeoutMs = 3_000, answerTimeoutMs = 20_000 } = options;
    this.#origin = new URL(options.url).origin;
    this.#key = options.key;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#agent = new Agent({
      connect: { timeout: connectTimeoutMs, ...(options.ca !== undefined && { ca: options.ca }) },
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      keepAliveTimeout: 10_000,
      connections: 4,
      pipelining: 1,
    });
  }

  /** `POST /v1/operators/lookup`: SPID Server's status of an operator, null where there is none. */
  lookupOperator(cpf: string): Promise<GatewayResult<{ status: string | null }>> {
    return this.#json(operatorAnswer, { method: 'POST', path: '/v1/operators/lookup', ...json({ cpf }) });
  }

  /** `POST /v1/people/lookup`: whether SPID Server knows the person. */
  lookupPerson(cpf: string): Promise<GatewayResult<{ registered: boolean }>> {
    return this.#json(personAnswer, { method: 'POST', path: '/v1/people/lookup', ...json({ cpf }) });
  }

  /** `PUT /v1/captures/{id}` with RFC 9530 `Content-Digest`. The same bytes under the same id are welcome again. */
  putCapture(
    id: string,
    picture: Uint8Array,
    type: 'image/png' | 'image/jpeg' = 'image/png',
  ): Promise<GatewayResult<z.infer<typeof captureView>>> {
    const digest = createHash('sha256').update(picture).digest('base64');
    return this.#json(captureView, {
      method: 'PUT',
      path: `/v1/captures/${id}`,
      headers: { 'content-type': type, 'content-digest': `sha-256=:${digest}:` },
      body: picture,
    });
  }

  /** `POST /v1/transactions`. `wait` (seconds) asks the gateway to hold the answer until the upstream has judged. */
  postTransaction(body: NewTransaction, wait?: number): Promise<GatewayResult<TransactionView>> {
    return this.#json(transactionView, {
      method: 'POST',
      path: '/v1/transactions',
      ...json(body),
      ...(wait !== undefined && { wait }),
    });
  }

  /** `GET /v1/transactions/{id}`. */
  getTransaction(id: string): Promise<GatewayResult<TransactionView>> {
    return this.#json(transactionView, { method: 'GET', path: `/v1/transactions/${id}` });
  }

  /** `GET /v1/transactions/{id}/report`: the upstream's own, as Capture Report promises it. PDF. */
  async getReport(id: string): Promise<GatewayResult<Uint8Array>> {
    const path = `/v1/transactions/${id}/report?source=upstream`;
    const answer = await this.#ask({ method: 'GET', path, headers: { accept: 'application/pdf' } });
    if (answer.kind !== 'ok') return answer;
    const bytes = answer.value;
    if (Buffer.from(bytes.subarray(0, 5)).toString('latin1') !== '%PDF-')
      return { kind: 'unavailable', reason: 'malformed' };
    return { kind: 'ok', value: bytes };
  }

  /** `POST /v1/transactions/resend`: makes due now what failed at this station's upstreams. */
  resend(): Promise<GatewayResult<{ count: number }>> {
    return this.#json(resendAnswer.pick({ count: true }), {
      method: 'POST',
      path: '/v1/transactions/resend',
      ...json({}),
    });
  }

  /** `POST /v1/transactions/{id}/resend`: the same for one, which is answered; `wait` as in `postTransaction`. */
  resendOne(id: string, wait?: number): Promise<GatewayResult<TransactionView>> {
    return this.#json(transactionView, {
      method: 'POST',
      path: `/v1/transactions/${id}/resend`,
      ...(wait !== undefined && { wait }),
    });
  }

  /** `POST /v1/transactions/lookup`: this station's latest transaction about a person. */
  latestTransaction(cpf: string): Promise<GatewayResult<z.infer<typeof latestAnswer>>> {
    return this.#json(latestAnswer, { method: 'POST', path: '/v1/transactions/lookup', ...json({ cpf }) });
  }

  /** `POST /v1/transactions/find`: those that the gateway has, in no order. At most 100 ids. */
  findTransactions(ids: readonly string[]): Promise<GatewayResult<z.infer<typeof findAnswer>>> {
    return this.#json(findAnswer, { method: 'POST', path: '/v1/transactions/find', ...json({ ids }) });
  }

  /** `POST /v1/remote-captures`. Without `url` the link is not made yet, and the same request gets it later. */
  requestRemoteCapture(body: NewRemoteCapture): Promise<GatewayResult<z.infer<typeof remoteCaptureView>>> {
    return this.#json(remoteCaptureView, { method: 'POST', path: '/v1/remote-captures', ...json(body) });
  }

  /** Ends what is under way. */
  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #json<T extends z.ZodType>(schema: T, ask: Ask): Promise<GatewayResult<z.infer<T>>> {
    const answer = await this.#ask(ask);
    if (answer.kind !== 'ok') return answer;
    const parsed = schema.safeParse(parseJson(answer.value));
    return parsed.success ? { kind: 'ok', value: parsed.data } : { kind: 'unavailable', reason: 'malformed' };
  }

  async #ask(ask: Ask): Promise<GatewayResult<Uint8Array>> {
    const { method, path, headers, body, wait } = ask;
    try {
      const answer = await this.#agent.request({
        origin: this.#origin,
        method,
        path,
        headers: {
          accept: 'application/json',
          ...headers,
          authorization: `Bearer ${this.#key}`,
          ...(wait !== undefined && { prefer: `wait=${wait}` }),
        },
        headersTimeout: this.#answerTimeoutMs + (wait ?? 0) * 1_000,
        ...(body !== undefined && { body }),
      });
      const bytes = await readLimited(answer.body);
      if (answer.statusCode >= 200 && answer.statusCode < 300) return { kind: 'ok', value: bytes };
      if (answer.statusCode >= 500 || passing.has(answer.statusCode))
        return { kind: 'unavailable', reason: 'status', status: answer.statusCode };
      const type = problemCode(bytes);
      return { kind: 'refused', status: answer.statusCode, ...(type !== undefined && { type }) };
    } catch (error) {
      return { kind: 'unavailable', reason: reasonOf(error) };
    }
  }
}

/** True where the gateway cannot be reached at all, so that there is no point in trying the next item. */
export function isAway(result: GatewayResult<unknown>): boolean {
  return result.kind === 'unavailable' && (result.reason === 'connect' || result.reason === 'timeout');
}

function json(body: unknown): { headers: Record<string, string>; body: string } {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

async function readLimited(body: Dispatcher.ResponseData['body']): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the stream.
    if (size > MAX_ANSWER_BYTES) throw new Error('answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Last part of a problem's type, if it is the plain code that our table has; never free text. */
function problemCode(bytes: Uint8Array): string | undefined {
  const body = parseJson(bytes);
  if (typeof body !== 'object' || body === null || !('type' in body) || typeof body.type !== 'string') return undefined;
  return /\/problems\/([a-z0-9-]{1,64})$/.exec(body.type)?.[1];
}

function reasonOf(error: unknown): 'connect' | 'timeout' | 'broken' {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'connect';
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'ETIMEDOUT':
      return 'timeout';
    default:
      return 'broken';
  }
}
