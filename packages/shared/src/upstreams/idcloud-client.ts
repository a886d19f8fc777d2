import type { Dispatcher } from 'undici';
import { idcloudErrorBody, idcloudOperations, type ProcessResult, processResult } from '../contracts/idcloud-client.ts';
import type { Outcome } from '../domain/transaction.ts';
import { createPool, exchange, type HttpAnswer, type NoAnswer, parseJson, type Timeouts } from './exchange.ts';
import { readFailure, submitFailure, submitWithoutAnswer } from './http-status.ts';
import { createTokenSource, type TokenSettings } from './idcloud-token.ts';
import type { Read, Standing, SubmitOptions, SubmitResult, Unavailable, Upstream, UpstreamBody } from './upstream.ts';

export interface IdcloudClientSettings {
  /** `https://api.id.uat.unico.app` or production's. */
  url: string;
  /** Selects the capabilities; one client per key. */
  apiKey: string;
  token: Omit<TokenSettings, 'timeoutMs'>;
  timeouts?: Partial<Timeouts>;
  connections?: number;
  ca?: string;
  /** Takes the place of both pools, for tests. It is not closed by `close`. */
  dispatcher?: Dispatcher;
  now?: () => number;
}

export type IdcloudClient = Upstream<'idcloud.process'>;

/** No client time-out is published; giving up early makes the process `cancelled`, so creating gets a minute. */
export const defaultIdcloudTimeouts: Timeouts = { connectMs: 5_000, submitMs: 60_000, readMs: 15_000 };

const MAX_ANSWER_BYTES = 1 << 18;
/** Invalid, expired and malformed token: the gateway in front refuses them before anything is processed. */
const tokenCodes = new Set(['10501', '10502', '30017']);
/** Headers that were missing or unknown: our settings, not the transaction's fault. */
const credentialCodes = new Set(['20001', '20002', '10201']);

/** A client of IDCloud by Client, edition D. */
export function createIdcloudClient(settings: IdcloudClientSettings): IdcloudClient {
  const url = new URL(settings.url);
  const root = url.pathname.replace(/\/+$/, '');
  const timeouts = { ...defaultIdcloudTimeouts, ...settings.timeouts };
  const now = settings.now ?? Date.now;
  const pooling = { ...settings, connectMs: timeouts.connectMs };
  const own = settings.dispatcher
    ? undefined
    : {
        api: createPool(url, pooling),
        identity: createPool(new URL(settings.token.tokenUrl), { ...pooling, connections: 1 }),
      };
  const api = settings.dispatcher ?? (own?.api as Dispatcher);
  const identity = settings.dispatcher ?? (own?.identity as Dispatcher);
  const tokens = createTokenSource(identity, { ...settings.token, timeoutMs: timeouts.readMs }, now);

  /** One call with a token; a token that is refused is renewed once and the call made once more, which the refusal before processing allows. */
  async function call(
    method: 'GET' | 'POST',
    path: string,
    timeoutMs: number,
    body?: UpstreamBody,
    signal?: AbortSignal,
  ): Promise<HttpAnswer | NoAnswer | Unavailable> {
    for (let tries = 1; ; tries++) {
      const held = await tokens.token();
      if (held.kind === 'unavailable') return held;
      const answer = await exchange(api, url.origin, {
        method,
        path: root + path,
        headers: {
          authorization: `Bearer ${held.token}`,
          apikey: settings.apiKey,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body } : {}),
        timeoutMs,
        maxAnswerBytes: MAX_ANSWER_BYTES,
        signal,
      });
      if (answer.kind === 'none') return answer;
      if (!isTokenRefusal(answer)) {
        tokens.accepted();
        return answer;
      }
      tokens.invalidate(held.token);
      if (tries === 2) return answer;
    }
  }

  return {
    async submit(_kind: 'idcloud.process', body: UpstreamBody, options: SubmitOptions = {}): Promise<SubmitResult> {
      const { method, path } = idcloudOperations.createProcess;
      const answer = await call(method, path, timeouts.submitMs, body, options.signal);
      if (answer.kind === 'unavailable') return answer;
      if (answer.kind === 'none') return submitWithoutAnswer(answer);
      if (answer.status < 200 || answer.status > 299) return createFailure(answer, now());
      const httpStatus = answer.status;
      if (!answer.body) return { kind: 'unknown', reason: answer.bodyFault ?? 'answer-lost', httpStatus };
      if (answer.body.length === 0) return { kind: 'unknown', reason: 'accepted-without-id', httpStatus };
      const result = readProcess(answer.body);
      if (!result) return { kind: 'unknown', reason: 'answer-unreadable', httpStatus };
      const outcome = finalOutcome(result.status);
      return outcome
        ? { kind: 'answered', outcome, upstreamId: result.id, answer: result }
        : { kind: 'taken', upstreamId: result.id, upstreamStatus: String(result.status), answer: result };
    },

    async result(_kind: 'idcloud.process', processId: string): Promise<Read<Standing>> {
      const { method, path } = idcloudOperations.getProcess;
      const filled = path.replace('{id}', encodeURIComponent(processId));
      const answer = await call(method, filled, timeouts.readMs);
      if (answer.kind === 'unavailable') return answer;
      if (answer.kind === 'none' || answer.status !== 200) {
        return readFailure(answer, now(), answer.kind === 'http' ? errorCodeOf(answer) : undefined);
      }
      const result = answer.body && readProcess(answer.body);
      if (!result) return { kind: 'unavailable', reason: answer.bodyFault ?? 'answer-unreadable', httpStatus: 200 };
      return { kind: 'ok', value: readIdcloudStanding(result) };
    },

    async close(): Promise<void> {
      await Promise.all([own?.api.close(), own?.identity.close()]);
    },
  };
}

/** Where a process stands. 3 is completed, 4 cancelled, 5 error; 1 and 2 are still being worked on, and so is any number nobody knows. */
export function readIdcloudStanding(result: ProcessResult): Standing {
  const outcome = finalOutcome(result.status);
  if (outcome) return { final: true, outcome, answer: result };
  return {
    final: false,
    upstreamStatus: String(result.status),
    recognised: result.status === 1 || result.status === 2,
  };
}

function finalOutcome(status: number): Outcome | undefined {
  if (status === 3) return { verdict: 'completed', upstreamStatus: '3' };
  if (status === 4 || status === 5) return { verdict: 'failed', upstreamStatus: String(status) };
  return undefined;
}

function readProcess(body: Buffer): ProcessResult | undefined {
  const parsed = processResult.safeParse(parseJson(body));
  return parsed.success && parsed.data.id !== '' ? parsed.data : undefined;
}

function isTokenRefusal(answer: HttpAnswer): boolean {
  if (answer.status === 401) return true;
  return answer.status === 403 && tokenCodes.has(errorCodeOf(answer) ?? '');
}

function createFailure(answer: HttpAnswer, now: number): SubmitResult {
  const code = errorCodeOf(answer);
  if (answer.status === 400 && code !== undefined && credentialCodes.has(code)) {
    return { kind: 'unavailable', reason: 'unauthorized', httpStatus: 400, upstreamCode: code };
  }
  return submitFailure(answer, now, code);
}

/** The vendor's error code as digits; editions send it as a number or as a string. The text beside it is not read. */
function errorCodeOf(answer: HttpAnswer): string | undefined {
  const parsed = answer.body && idcloudErrorBody.safeParse(parseJson(answer.body));
  const code = parsed?.success ? String(parsed.data.error.code) : undefined;
  return code !== undefined && /^\d{1,6}$/.test(code) ? code : undefined;
}
