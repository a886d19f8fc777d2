import type { Dispatcher } from 'undici';
import {
  type SpidServerOperationName,
  type SpidServerTable,
  spidServerOperations,
} from '../contracts/spid-server-operations.ts';
import { fillPath } from '../contracts/spid-server-params.ts';
import { type SpidStatusWords, spidStatusWords } from '../domain/spid-status.ts';
import { createPool, exchange, type HttpAnswer, type NoAnswer, type Timeouts } from './exchange.ts';
import type { UpstreamBody } from './upstream.ts';

export interface SpidServerSettings {
  /** The server's root, for example `https://spid.example:8082`. A path in it is put before every operation's. */
  url: string;
  /** HTTP Basic. The specification names no scheme; installations differ. */
  username?: string;
  password?: string;
  /** A bearer key instead, as the gateway's face takes it. */
  bearer?: string;
  timeouts?: Partial<Timeouts>;
  connections?: number;
  /** PEM of a private authority. */
  ca?: string;
  /** The operation table and the meaning of status words, where a SPID profile changes them. */
  operations?: SpidServerTable;
  statuses?: SpidStatusWords;
  /** Takes the place of the pool, for tests. It is not closed by `close`. */
  dispatcher?: Dispatcher;
  now?: () => number;
}

/** What a call is sent with. */
export interface SpidRequest {
  params?: Readonly<Record<string, string>> | undefined;
  query?: Readonly<Record<string, string>> | undefined;
  body?: UpstreamBody | undefined;
  signal?: AbortSignal | undefined;
}

/** One server, its table and its connections. */
export interface SpidConnection {
  readonly operations: SpidServerTable;
  readonly statuses: SpidStatusWords;
  now(): number;
  /** @throws RangeError when a path variable is missing, and what `body.open` throws. */
  send(name: SpidServerOperationName, request: SpidRequest): Promise<HttpAnswer | NoAnswer>;
  close(): Promise<void>;
}

/** Waits of a client nobody configured. Verification is synchronous on the server's side, hence the long one. */
export const defaultSpidTimeouts: Timeouts = { connectMs: 5_000, submitMs: 120_000, readMs: 15_000 };

/** Answers to what is submitted are small; a read may carry pictures, an update a program. */
const answerBytes = { write: 1 << 20, read: 32 << 20, file: 256 << 20 };

export function createSpidConnection(settings: SpidServerSettings): SpidConnection {
  const url = new URL(settings.url);
  const root = url.pathname.replace(/\/+$/, '');
  const timeouts = { ...defaultSpidTimeouts, ...settings.timeouts };
  const { connectMs } = timeouts;
  const own = settings.dispatcher ? undefined : createPool(url, { ...settings, connectMs });
  const dispatcher = settings.dispatcher ?? own;
  if (!dispatcher) throw new Error('unreachable: neither a pool nor a dispatcher');
  const operations: SpidServerTable = settings.operations ?? spidServerOperations;
  const authorization = authorizationOf(settings);

  return {
    operations,
    statuses: settings.statuses ?? spidStatusWords,
    now: settings.now ?? Date.now,

    send(name, { params = {}, query, body, signal }) {
      const { method, path, answer, writes } = operations[name];
      const search = query && Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : '';
      const isFile = answer.form === 'file';
      return exchange(dispatcher, url.origin, {
        method,
        path: `${root}${fillPath(path, params)}${search}`,
        headers: {
          accept: isFile || answer.form === 'report' ? '*/*' : 'application/json',
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(authorization === undefined ? {} : { authorization }),
        },
        ...(body ? { body } : {}),
        timeoutMs: writes || isFile ? timeouts.submitMs : timeouts.readMs,
        maxAnswerBytes: isFile ? answerBytes.file : answerBytes[writes ? 'write' : 'read'],
        signal,
      });
    },

    async close() {
      await own?.close();
    },
  };
}

function authorizationOf({ username, password, bearer }: SpidServerSettings): string | undefined {
  if (bearer !== undefined) return `Bearer ${bearer}`;
  return username === undefined
    ? undefined
    : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
}
