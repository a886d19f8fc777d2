import { createPrivateKey, type KeyObject, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { SignJWT } from 'jose';
import type { Dispatcher } from 'undici';
import { JWT_BEARER_GRANT, tokenErrorBody, tokenResponse } from '../contracts/idcloud-client.ts';
import { tokenRemedy } from '../contracts/idcloud-token.ts';
import type { SharedToken, TokenStore } from '../domain/token-store.ts';
import { textBody } from './body.ts';
import { exchange, type HttpAnswer, parseJson, readRetryAfter } from './exchange.ts';
import type { Unavailable, UpstreamReason } from './upstream.ts';

export interface TokenSettings {
  /** `https://identityhomolog.acesso.io/oauth2/token` or production's. */
  tokenUrl: string;
  /** Host that the assertion is for, without a trailing slash. Defaults to the token URL's origin. */
  audience?: string | undefined;
  /** Name of the service account, at most twelve characters. */
  account: string;
  tenantId: string;
  /** PEM, PKCS#8 or PKCS#1. */
  privateKey: string;
  timeoutMs: number;
  /** Told of a failure that a person has to mend or wait out. */
  onRefused?: ((why: TokenFailure) => void) | undefined;
}

export type TokenResult = { kind: 'token'; token: string } | Unavailable;

export interface TokenSource {
  /** A token with life left. Concurrent calls share one request. */
  token(): Promise<TokenResult>;
  /** The API would not have this token. Ignored if another has taken its place meanwhile. */
  invalidate(token: string): void;
  /** The API took this token. */
  accepted(): void;
}

/** A new token is fetched when this much of the old one's life is left. */
const RENEW_EARLY_MS = 10 * 60_000;
/** Where an attempt failed, nobody makes another for this long. */
const pauses = {
  /** After 1.2.18: more attempts only make it worse. */
  'token-locked': 15 * 60_000,
  /** A reason that only a person can change. */
  'token-refused': 60_000,
  unauthorized: 60_000,
  other: 1_000,
} as const;
/** How often it is looked whether another process has the token by now. */
const LOOK_MS = 200;

/** Why there is no token, as it is shared between processes. */
export type TokenFailure = Omit<Unavailable, 'retryAfterMs'>;

interface Held {
  token: string;
  version: number;
  /** Epoch milliseconds. */
  renewAt: number;
  expiresAt: number;
}

/**
 * OAuth 2.0 JWT bearer grant (RFC 7523) with a cache. One request at a time, over all processes that share `store`; while the old token serves, nobody
 * waits for the new one. Failures are remembered and shared too, so that a thousand waiting transactions with a bad key do not become a thousand
 * attempts and a locked account.
 * @param name of the account in `store`
 */
export function createTokenSource(
  name: string,
  dispatcher: Dispatcher,
  settings: TokenSettings,
  store: TokenStore<TokenFailure>,
  now: () => number = Date.now,
): TokenSource {
  const url = new URL(settings.tokenUrl);
  const sign = createSigner(settings, settings.audience ?? url.origin);
  // Two requests at most (see `fetchToken`), and some time to write down what came.
  const leaseMs = 2 * settings.timeoutMs + 5_000;
  let held: Held | undefined;
  let failure: { until: number; why: TokenFailure } | undefined;
  let flight: Promise<TokenResult> | undefined;
  /** Version of the last token that the API would not have. */
  let refused: number | undefined;
  /** Tokens refused by the API in a row. The second in a row is structural: a third would fare no better. */
  let refusals = 0;

  /** @param nowMs what the assertion says that it is: a process whose own clock is wrong would be refused, and the refusal is everybody's. */
  async function request(nowMs: number): Promise<Omit<SharedToken, 'version'> | Unavailable> {
    const form = new URLSearchParams({ grant_type: JWT_BEARER_GRANT, assertion: await sign(nowMs) }).toString();
    const asked = now();
    const answer = await exchange(dispatcher, url.origin, {
      method: 'POST',
      path: url.pathname,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: textBody(form),
      timeoutMs: settings.timeoutMs,
      maxAnswerBytes: 1 << 16,
    });
    if (answer.kind === 'none') return { kind: 'unavailable', reason: answer.reason };
    if (answer.status !== 200) return tokenFailure(answer, now());
    const parsed = answer.body && tokenResponse.safeParse(parseJson(answer.body));
    if (!parsed?.success || parsed.data.access_token === '' || !(parsed.data.expires_in > 0)) {
      return { kind: 'unavailable', reason: 'token-unavailable', httpStatus: 200 };
    }
    const life = parsed.data.expires_in * 1000;
    // Its life began at the latest when it was asked for. One of less than twenty minutes is renewed at half of it, or it would be renewed for ever.
    const spent = now() - asked;
    const renewInMs = Math.max(life - RENEW_EARLY_MS, life / 2) - spent;
    return { token: parsed.data.access_token, renewInMs, expiresInMs: life - spent };
  }

  async function fetchToken(lease: string, nowMs: number): Promise<TokenResult> {
    let result = await request(nowMs);
    if ('kind' in result && tokenRemedy(result.upstreamCode ?? '') === 'new-assertion') result = await request(nowMs);
    if ('kind' in result) {
      const { retryAfterMs, ...why } = result;
      const pauseMs = retryAfterMs ?? pauseAfter(why.reason);
      remember(why, pauseMs);
      if (why.reason === 'token-refused' || why.reason === 'token-locked') settings.onRefused?.(why);
      // Where the store is away, this process at least remembers it.
      await store.fail(name, lease, { why, pauseMs }).catch(() => {});
      return result;
    }
    // A token that could not be written down serves this process all the same.
    const version = await store.keep(name, lease, result).catch(() => undefined);
    hold({ ...result, version: version ?? 0 });
    return { kind: 'token', token: result.token };
  }

  function hold({ token, version, renewInMs, expiresInMs }: SharedToken): void {
    const at = now();
    held = { token, version, renewAt: at + renewInMs, expiresAt: at + expiresInMs };
    failure = undefined;
  }

  function remember(why: TokenFailure, pauseMs: number): void {
    failure = { until: now() + pauseMs, why };
  }

  async function renew(): Promise<TokenResult> {
    for (let waited = 0; ; waited += LOOK_MS) {
      const standing = await store.look(name, { leaseMs, refused });
      if (standing.lease !== undefined) return fetchToken(standing.lease, standing.nowMs);
      const { token, failure: failed } = standing;
      if (token) {
        hold(token);
        // Past its time, while another process fetches the next: look again in a moment.
        if (held && token.renewInMs <= 0) held.renewAt = now() + Math.min(LOOK_MS, token.expiresInMs);
        if (failed) remember(failed.why, failed.pauseMs);
        return { kind: 'token', token: token.token };
      }
      if (failed) {
        remember(failed.why, failed.pauseMs);
        return { ...failed.why, retryAfterMs: failed.pauseMs };
      }
      if (waited >= settings.timeoutMs) return { kind: 'unavailable', reason: 'token-unavailable' };
      await delay(LOOK_MS);
    }
  }

  return {
    async token(): Promise<TokenResult> {
      const at = now();
      if (held && at < held.renewAt) return { kind: 'token', token: held.token };
      const usable: TokenResult | undefined =
        held && at < held.expiresAt ? { kind: 'token', token: held.token } : undefined;
      if (failure && at < failure.until) return usable ?? { ...failure.why, retryAfterMs: failure.until - at };
      flight ??= renew()
        // The store is away: as long as it is, so is what it has.
        .catch((): TokenResult => {
          remember({ kind: 'unavailable', reason: 'token-unavailable' }, pauses.other);
          return held && now() < held.expiresAt
            ? { kind: 'token', token: held.token }
            : { kind: 'unavailable', reason: 'token-unavailable' };
        })
        .finally(() => {
          flight = undefined;
        });
      return usable ?? flight;
    },
    invalidate(token: string): void {
      if (held?.token !== token) return;
      refused = held.version;
      held = undefined;
      refusals += 1;
      if (refusals >= 2) remember({ kind: 'unavailable', reason: 'unauthorized' }, pauses.unauthorized);
    },
    accepted(): void {
      refusals = 0;
    },
  };
}

/**
 * Signs assertions with the five admitted claims. RS256 is deterministic and `jti` is not admitted, so two assertions of one second
 * would be one and the same, and the second a replay (1.2.7): `iat` (a little back) and `exp` are drawn at random, which also keeps
 * several workers with one account apart, and a pair is never repeated.
 */
function createSigner(settings: TokenSettings, aud: string): (nowMs: number) => Promise<string> {
  const key: KeyObject = createPrivateKey(settings.privateKey);
  const iss = `${settings.account}@${settings.tenantId}.iam.acesso.io`;
  const used = new Set<string>();
  const draw = (nowMs: number) => {
    const iat = Math.floor(nowMs / 1000) - randomInt(0, 30);
    return { iat, exp: iat + randomInt(1_800, 3_601) };
  };
  return (nowMs) => {
    if (used.size > 1_000) used.clear(); // months later: those have long expired
    let times = draw(nowMs);
    while (used.has(`${times.iat} ${times.exp}`)) times = draw(nowMs);
    used.add(`${times.iat} ${times.exp}`);
    const claims = { iss, aud, scope: '*', ...times };
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT' }).sign(key);
  };
}

/** The code that stands inside the description, "Falha na autenticação 1.2.5". */
function readTokenErrorCode(body: Buffer | undefined): string | undefined {
  const parsed = body && tokenErrorBody.safeParse(parseJson(body));
  return parsed?.success ? /\b\d+\.\d+\.\d+\b/.exec(parsed.data.error_description ?? '')?.[0] : undefined;
}

function tokenFailure(answer: HttpAnswer, now: number): Unavailable {
  const upstreamCode = readTokenErrorCode(answer.body);
  const reason = reasonOf(answer.status, upstreamCode);
  // A lock lasts as long as we say: what the endpoint says of its load is about something else.
  const retryAfterMs = reason === 'token-locked' ? pauses['token-locked'] : readRetryAfter(answer.headers, now);
  return {
    kind: 'unavailable',
    reason,
    httpStatus: answer.status,
    ...(upstreamCode === undefined ? {} : { upstreamCode }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function reasonOf(status: number, code: string | undefined): UpstreamReason {
  if (code !== undefined) return tokenRemedy(code) === 'wait' ? 'token-locked' : 'token-refused';
  return status >= 500 || status === 429 ? 'token-unavailable' : 'token-refused';
}

function pauseAfter(reason: UpstreamReason): number {
  return reason === 'token-refused' || reason === 'token-locked' ? pauses[reason] : pauses.other;
}
