import type { Dispatcher } from 'undici';
import * as z from 'zod';
import {
  errorResponse,
  errorTypes,
  externalResult,
  type OperatorPayload,
  operatorPayload,
  type SpidServerOperationName,
  spidServerOperations,
  type TransactionData,
  transactionData,
} from '../contracts/spid-server.ts';
import type { Cpf } from '../domain/cpf.ts';
import { readSpidStatus } from '../domain/spid-status.ts';
import type { Outcome, TransactionKind, Verdict } from '../domain/transaction.ts';
import { type Call, createPool, exchange, type HttpAnswer, parseJson, type Timeouts } from './exchange.ts';
import { readFailure, submitFailure, submitWithoutAnswer } from './http-status.ts';
import { readReport } from './spid-report.ts';
import type {
  Read,
  Standing,
  SubmitOptions,
  SubmitResult,
  Upstream,
  UpstreamBody,
  UpstreamReason,
} from './upstream.ts';

export type SpidKind = Extract<TransactionKind, `spid.${string}`>;

export interface SpidServerSettings {
  /** The server's root, for example `https://spid.example:8082`. A path in it is put before every operation's. */
  url: string;
  /** HTTP Basic. The specification names no scheme; installations differ. */
  username?: string;
  password?: string;
  timeouts?: Partial<Timeouts>;
  connections?: number;
  /** PEM of a private authority. */
  ca?: string;
  /** Takes the place of the pool, for tests. It is not closed by `close`. */
  dispatcher?: Dispatcher;
  now?: () => number;
}

export interface SpidServerClient extends Upstream<SpidKind> {
  /** The person's latest transactions, newest as the server orders them; empty where it knows none. For reconciliation. */
  findTransaction(cpf: Cpf): Promise<Read<TransactionData[]>>;
  person(cpf: Cpf): Promise<Read<{ registered: boolean }>>;
  /** Undefined for an operator whom the server does not know; without a body (200 has no schema) only `found` is certain. */
  operator(cpf: Cpf): Promise<Read<{ found: boolean; payload?: OperatorPayload }>>;
  /** The transaction's report as PDF. */
  report(tguid: string): Promise<Read<Buffer>>;
}

/** Waits of a client nobody configured. Verification is synchronous on the server's side, hence the long one. */
export const defaultSpidTimeouts: Timeouts = { connectMs: 5_000, submitMs: 120_000, readMs: 15_000 };

const SMALL = 1 << 20;
const LARGE = 32 << 20;

/** What may end a transaction of each kind; another final word is kept as it is and ends nothing. */
const fitting: Record<SpidKind, readonly Verdict[]> = {
  'spid.enroll': ['enrolled', 'rejected', 'failed'],
  'spid.verify': ['match', 'no-match', 'failed'],
};

/** A client of Griaule's SPID Server 4.2.12, driven by the operation table. */
export function createSpidServerClient(settings: SpidServerSettings): SpidServerClient {
  const url = new URL(settings.url);
  const root = url.pathname.replace(/\/+$/, '');
  const timeouts = { ...defaultSpidTimeouts, ...settings.timeouts };
  const now = settings.now ?? Date.now;
  const { connectMs } = timeouts;
  const own = settings.dispatcher ? undefined : createPool(url, { ...settings, connectMs });
  const dispatcher = settings.dispatcher ?? own;
  if (!dispatcher) throw new Error('unreachable: neither a pool nor a dispatcher');
  const authorization =
    settings.username === undefined
      ? undefined
      : `Basic ${Buffer.from(`${settings.username}:${settings.password ?? ''}`).toString('base64')}`;

  function call(name: SpidServerOperationName, variable: string | undefined, rest: Omit<Call, 'method' | 'path'>) {
    const { method, path } = spidServerOperations[name];
    const filled = path.replace(/\{\w+\}/, () => encodeURIComponent(variable ?? ''));
    const headers = { ...rest.headers, ...(authorization === undefined ? {} : { authorization }) };
    return exchange(dispatcher as Dispatcher, url.origin, { ...rest, headers, method, path: root + filled });
  }

  /** A read whose success is understood by `understand`; undefined from it means unreadable. */
  async function read<T>(
    name: SpidServerOperationName,
    variable: string,
    maxAnswerBytes: number,
    understand: (body: Buffer, answer: HttpAnswer) => T | undefined,
    accept = 'application/json',
  ): Promise<Read<T>> {
    const headers = { accept };
    const answer = await call(name, variable, { headers, timeoutMs: timeouts.readMs, maxAnswerBytes });
    const success: readonly number[] = spidServerOperations[name].success;
    if (answer.kind === 'none' || !success.includes(answer.status)) {
      return readFailure(answer, now(), answer.kind === 'http' ? errorTypeOf(answer) : undefined);
    }
    if (!answer.body) return unreadable(answer, answer.bodyFault);
    const value = understand(answer.body, answer);
    return value === undefined ? unreadable(answer) : { kind: 'ok', value };
  }

  return {
    async submit(kind: SpidKind, body: UpstreamBody, options: SubmitOptions = {}): Promise<SubmitResult> {
      const answer = await call(kind === 'spid.enroll' ? 'enroll' : 'verify', undefined, {
        body,
        headers: { 'content-type': 'application/json' },
        timeoutMs: timeouts.submitMs,
        maxAnswerBytes: SMALL,
        signal: options.signal,
      });
      if (answer.kind === 'none') return submitWithoutAnswer(answer);
      if (answer.status < 200 || answer.status > 299) return submitFailure(answer, now(), errorTypeOf(answer));
      const httpStatus = answer.status;
      if (!answer.body) return { kind: 'unknown', reason: answer.bodyFault ?? 'answer-lost', httpStatus };
      if (answer.body.length === 0) return { kind: 'unknown', reason: 'accepted-without-id', httpStatus };
      const result = externalResult.safeParse(parseJson(answer.body));
      if (!result.success || result.data.id === '' || result.data.status === '') {
        return { kind: 'unknown', reason: 'answer-unreadable', httpStatus };
      }
      const { id: upstreamId, status: upstreamStatus } = result.data;
      const outcome = finalOutcome(kind, upstreamStatus);
      return outcome ? { kind: 'answered', outcome, upstreamId } : { kind: 'taken', upstreamId, upstreamStatus };
    },

    result(kind: SpidKind, tguid: string): Promise<Read<Standing>> {
      return read(kind === 'spid.enroll' ? 'getEnrollResult' : 'getSearchResult', tguid, SMALL, (body) => {
        const parsed = externalResult.safeParse(parseJson(body));
        return parsed.success && parsed.data.status !== '' ? readSpidStanding(kind, parsed.data.status) : undefined;
      });
    },

    async findTransaction(cpf: Cpf): Promise<Read<TransactionData[]>> {
      const found = await read('getPersonTransactionData', cpf, LARGE, (body) => {
        const parsed = oneOrMany.safeParse(parseJson(body));
        return parsed.success ? parsed.data : undefined;
      });
      return found.kind === 'not-found' ? { kind: 'ok', value: [] } : found;
    },

    async person(cpf: Cpf): Promise<Read<{ registered: boolean }>> {
      const found = await read('getPerson', cpf, LARGE, () => ({ registered: true }));
      return found.kind === 'not-found' ? { kind: 'ok', value: { registered: false } } : found;
    },

    async operator(cpf: Cpf): Promise<Read<{ found: boolean; payload?: OperatorPayload }>> {
      const found = await read('getOperator', cpf, LARGE, (body) => {
        const parsed = operatorPayload.safeParse(parseJson(body));
        return parsed.success ? { found: true, payload: parsed.data } : { found: true };
      });
      return found.kind === 'not-found' ? { kind: 'ok', value: { found: false } } : found;
    },

    report(tguid: string): Promise<Read<Buffer>> {
      return read('generateReport', tguid, LARGE, readReport, '*/*');
    },

    async close(): Promise<void> {
      await own?.close();
    },
  };
}

/** Where a transaction of `kind` stands, from the server's word. */
export function readSpidStanding(kind: SpidKind, upstreamStatus: string): Standing {
  const outcome = finalOutcome(kind, upstreamStatus);
  if (outcome) return { final: true, outcome };
  const reading = readSpidStatus(upstreamStatus);
  return { final: false, upstreamStatus, recognised: !reading.final && reading.recognised };
}

function finalOutcome(kind: SpidKind, upstreamStatus: string): Outcome | undefined {
  const reading = readSpidStatus(upstreamStatus);
  return reading.final && fitting[kind].includes(reading.verdict)
    ? { verdict: reading.verdict, upstreamStatus }
    : undefined;
}

/** The specification says one object; an array is read too (ambiguity A12). Entries that cannot be read make the whole unreadable. */
const oneOrMany = z.union([z.array(transactionData), transactionData.transform((one) => [one])]);

function unreadable(answer: HttpAnswer, reason: UpstreamReason = 'answer-unreadable'): Read<never> {
  return { kind: 'unavailable', reason, httpStatus: answer.status };
}

/** The vendor's error type, where it is one of the four. Its messages are not read: they may name people. */
function errorTypeOf(answer: HttpAnswer): string | undefined {
  const parsed = answer.body && errorResponse.safeParse(parseJson(answer.body));
  const type = parsed?.success ? parsed.data.type : undefined;
  return errorTypes.find((known) => known === type);
}
