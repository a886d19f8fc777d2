import type { Pool } from 'undici';
import type { IdcloudAccount } from '../contracts/idcloud-accounts.ts';
import { fillPath } from '../contracts/spid-server-params.ts';
import { failurePolicies } from '../domain/failure-policy.ts';
import { createPool, exchange, type HttpAnswer, type NoAnswer, readRetryAfter, type Timeouts } from './exchange.ts';
import { isTokenRefusal } from './idcloud-answer.ts';
import type { TokenSource } from './idcloud-token.ts';
import type { Unavailable, UpstreamBody } from './upstream.ts';

/** The hosts of an account: by Client, by Unico, and by Unico's signature service. */
export type IdcloudHost = 'client' | 'unico' | 'sign';

/** A row of the operation tables. */
export interface IdcloudRow {
  method: 'GET' | 'POST';
  path: string;
}

/** What a call is sent with. */
export interface IdcloudRequest {
  params?: Readonly<Record<string, string>> | undefined;
  query?: Readonly<Record<string, string>> | undefined;
  body?: UpstreamBody | undefined;
  signal?: AbortSignal | undefined;
}

/** The answer as it came, no answer, or no token to ask with: then nothing was sent. */
export type IdcloudAnswer = HttpAnswer | NoAnswer | Unavailable;

/** One account: its hosts' connections and its token, which all its keys share. */
export interface IdcloudConnection {
  now(): number;
  /**
   * A token that is refused is renewed once and the call made once more, which the refusal before processing allows.
   * @throws RangeError for a path variable that is missing or a host that the account lacks, and what `body.open` throws
   */
  send(host: IdcloudHost, row: IdcloudRow, request: IdcloudRequest, form?: IdcloudForm): Promise<IdcloudAnswer>;
  close(): Promise<void>;
}

interface IdcloudForm {
  headers?: Record<string, string>;
  /** A picture or a document, as itself or in base64: it is larger, and slower to come. */
  isFile?: boolean;
}

const answerBytes = { json: 1 << 20, file: 32 << 20 };

/** Who keeps count of an account's calls, whoever makes them. */
export interface CallBudgets {
  /** A request leaves now. */
  left(account: string): void;
  /** A 429 came: it is for everybody who calls the account. */
  throttled(account: string, retryAfterMs: number): void;
}

interface IdcloudTransport {
  timeouts: Timeouts;
  connections: number;
  now: () => number;
  budgets?: CallBudgets | undefined;
}

export function createIdcloudConnection(
  account: IdcloudAccount,
  tokens: TokenSource,
  { timeouts, connections, now, budgets }: IdcloudTransport,
): IdcloudConnection {
  const { connectMs } = timeouts;
  const hosts = new Map<IdcloudHost, { pool: Pool; origin: string; root: string }>();
  const urls = { client: account.clientUrl, unico: account.unicoUrl, sign: account.signUrl };
  for (const [host, text] of Object.entries(urls)) {
    if (text === undefined) continue;
    const url = new URL(text);
    const pool = createPool(url, { connectMs, connections });
    hosts.set(host as IdcloudHost, { pool, origin: url.origin, root: url.pathname.replace(/\/+$/, '') });
  }

  return {
    now,

    async send(host, { method, path }, { params = {}, query, body, signal }, { headers, isFile = false } = {}) {
      const to = hosts.get(host);
      if (!to) throw new RangeError(`an IDCloud account has no address for ${host}`);
      const search = query && Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : '';
      const call = {
        method,
        path: `${to.root}${fillPath(path, params)}${search}`,
        ...(body ? { body } : {}),
        timeoutMs: method === 'POST' || isFile ? timeouts.submitMs : timeouts.readMs,
        maxAnswerBytes: isFile ? answerBytes.file : answerBytes.json,
        signal,
      };
      for (let tries = 1; ; tries++) {
        const held = await tokens.token();
        if (held.kind === 'unavailable') return held;
        budgets?.left(account.name);
        const answer = await exchange(to.pool, to.origin, {
          ...call,
          headers: {
            ...headers,
            accept: isFile ? '*/*' : 'application/json',
            authorization: `Bearer ${held.token}`,
            ...(body ? { 'content-type': 'application/json' } : {}),
          },
        });
        if (answer.kind === 'none') return answer;
        if (answer.status === 429) budgets?.throttled(account.name, readRetryAfter(answer.headers, now()) ?? 0);
        if (!isTokenRefusal(answer)) {
          tokens.accepted();
          return answer;
        }
        tokens.invalidate(held.token);
        if (tries > failurePolicies['credential-expired'].times) return answer;
      }
    },

    async close() {
      await Promise.all([...hosts.values()].map(({ pool }) => pool.close()));
    },
  };
}
