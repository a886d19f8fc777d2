import { createPrivateKey, type KeyObject, randomInt } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Dispatcher } from 'undici';
import { JWT_BEARER_GRANT, tokenErrorBody, tokenResponse } from '../contracts/idcloud-client.ts';
import { exchange, type HttpAnswer, parseJson, readRetryAfter } from './exchange.ts';
import type { Unavailable, UpstreamReason } from './upstream.ts';

export interface TokenSettings {
  /** `https://identityhomolog.acesso.io/oauth2/token` or production's. */
  tokenUrl: string;
  /** Host that the assertion is for, without a trailing slash. Defaults to the token URL's origin. */
  audience?: string;
  /** Name of the service account, at most twelve characters. */
  account: string;
  tenantId: string;
  /** PEM, PKCS#8 or PKCS#1. */
  privateKey: string;
  timeoutMs: number;
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
/** After 1.2.18, "temporarily locked after too many invalid attempts": more attempts only make it worse. */
const LOCKED_MS = 15 * 60_000;
/** Between attempts that fail for a reason that only a person can change. */
const STRUCTURAL_MS = 60_000;
const TRANSIENT_MS = 1_000;
/** Assertion expired or already used: the next assertion may do. */
const worthANewAssertion = new Set(['1.2.4', '1.2.7']);

/**
 * OAuth 2.0 JWT bearer grant (RFC 7523) with a cache. Failures are remembered for a while, so that a thousand waiting transactions with
 * a bad key do not become a thousand attempts and a locked account.
 */
export function createTokenSource(
  dispatcher: Dispatcher,
  settings: TokenSettings,
  now: () => number = Date.now,
): TokenSource {
  const url = new URL(settings.tokenUrl);
  const sign = createSigner(settings, settings.audience ?? url.origin, now);
  let held: { token: string; renewAt: number; expiresAt: number } | undefined;
  let failure: { until: number; result: Unavailable } | undefined;
  let flight: Promise<TokenResult> | undefined;
  /** Tokens refused by the API in a row. The second in a row is structural: a third would fare no better. */
  let refusals = 0;

  async function request(): Promise<TokenResult> {
    const form = new URLSearchParams({ grant_type: JWT_BEARER_GRANT, assertion: await sign() }).toString();
    const asked = now();
    const answer = await exchange(dispatcher, url.origin, {
      method: 'POST',
      path: url.pathname,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: bytesBody(form),
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
    // A token of less than twenty minutes is renewed at half its life, or it would be renewed at once for ever.
    const renewAt = asked + Math.max(life - RENEW_EARLY_MS, life / 2);
    held = { token: parsed.data.access_token, renewAt, expiresAt: asked + life };
    return { kind: 'token', token: held.token };
  }

  async function renew(): Promise<TokenResult> {
    let result = await request();
    if (result.kind === 'unavailable' && worthANewAssertion.has(result.upstreamCode ?? '')) result = await request();
    failure = undefined;
    if (result.kind === 'unavailable') {
      failure = { until: now() + (result.retryAfterMs ?? pause(result)), result };
    }
    return result;
  }

  return {
    async token(): Promise<TokenResult> {
      const at = now();
      if (held && at < held.renewAt) return { kind: 'token', token: held.token };
      const usable = held && at < held.expiresAt ? held.token : undefined;
      if (failure && at < failure.until) {
        return usable === undefined
          ? { ...failure.result, retryAfterMs: failure.until - at }
          : { kind: 'token', token: usable };
      }
      flight ??= renew().finally(() => {
        flight = undefined;
      });
      const result = await flight;
      return result.kind === 'unavailable' && usable !== undefined ? { kind: 'token', token: usable } : result;
    },
    invalidate(token: string): void {
      if (held?.token !== token) return;
      held = undefined;
      refusals += 1;
      if (refusals < 2) return;
      failure = { until: now() + STRUCTURAL_MS, result: { kind: 'unavailable', reason: 'unauthorized' } };
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
function createSigner(settings: TokenSettings, aud: string, now: () => number): () => Promise<string> {
  const key: KeyObject = createPrivateKey(settings.privateKey);
  const iss = `${settings.account}@${settings.tenantId}.iam.acesso.io`;
  const used = new Set<string>();
  const draw = () => {
    const iat = Math.floor(now() / 1000) - randomInt(0, 30);
    return { iat, exp: iat + randomInt(1_800, 3_601) };
  };
  return () => {
    if (used.size > 1_000) used.clear(); // months later: those have long expired
    let times = draw();
    while (used.has(`${times.iat} ${times.exp}`)) times = draw();
    used.add(`${times.iat} ${times.exp}`);
    const claims = { iss, aud, scope: '*', ...times };
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT' }).sign(key);
  };
}

/** The code that stands inside the description, "Falha na autenticação 1.2.5". */
export function readTokenErrorCode(body: Buffer | undefined): string | undefined {
  const parsed = body && tokenErrorBody.safeParse(parseJson(body));
  return parsed?.success ? /\b\d+\.\d+\.\d+\b/.exec(parsed.data.error_description ?? '')?.[0] : undefined;
}

function tokenFailure(answer: HttpAnswer, now: number): Unavailable {
  const upstreamCode = readTokenErrorCode(answer.body);
  const reason = reasonOf(answer.status, upstreamCode);
  const retryAfterMs = reason === 'token-locked' ? LOCKED_MS : readRetryAfter(answer.headers, now);
  return {
    kind: 'unavailable',
    reason,
    httpStatus: answer.status,
    ...(upstreamCode === undefined ? {} : { upstreamCode }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function reasonOf(status: number, code: string | undefined): UpstreamReason {
  if (code === '1.2.18') return 'token-locked';
  if (code !== undefined) return 'token-refused';
  return status >= 500 || status === 429 ? 'token-unavailable' : 'token-refused';
}

function pause(result: Unavailable): number {
  return result.reason === 'token-refused' ? STRUCTURAL_MS : TRANSIENT_MS;
}

function bytesBody(text: string) {
  const bytes = Buffer.from(text);
  return {
    length: bytes.length,
    open: async function* () {
      yield bytes;
    },
  };
}
