import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Who may call the local face. Any page that the operator opens can reach the loopback; only paired consoles are let in. */
export interface GuardOptions {
  /** Port that the face listens on: a Host of another name or port is a page that had its name rebound to us. */
  port: number;
  /** Origins of paired consoles, compared letter by letter. */
  allowedOrigins: readonly string[];
  /** Shared with the paired console. Without one no browser is let in. */
  pairingToken?: string | undefined;
  /** Ask programs outside a browser for the token too; the vendor's clients do not have one. */
  requireTokenForLocal?: boolean;
}

/** The part of a request that decides. */
export interface Caller {
  method: string;
  /** Every value of every header, by its name in lower case. */
  headers: Readonly<Record<string, readonly string[] | undefined>>;
}

export type GuardVerdict =
  | { kind: 'pass'; origin?: string }
  /** A browser's preflight from an allowed origin: answered without side effect and without the token, which it cannot carry. */
  | { kind: 'preflight'; origin: string }
  /** `origin` is set where the page may read the refusal. */
  | { kind: 'refuse'; status: 401 | 403 | 421; reason: string; origin?: string };

export type Guard = (caller: Caller) => GuardVerdict;

export function createGuard(options: GuardOptions): Guard {
  const hosts = new Set(['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${options.port}`));
  const origins = new Set(options.allowedOrigins.filter((origin) => origin !== 'null'));
  const token = options.pairingToken ? digest(options.pairingToken) : undefined;
  const holdsToken = (caller: Caller): boolean => {
    if (!token) return false;
    const [bearer, ...more] = caller.headers.authorization ?? [];
    const [pairing, ...others] = caller.headers['x-atesto-pairing'] ?? [];
    if (more.length > 0 || others.length > 0) return false;
    const given = pairing ?? /^Bearer +(\S+)$/i.exec(bearer ?? '')?.[1];
    return given !== undefined && timingSafeEqual(digest(given), token);
  };

  return (caller) => {
    const [host, ...moreHosts] = caller.headers.host ?? [];
    if (host === undefined || moreHosts.length > 0 || !hosts.has(host.toLowerCase()))
      return { kind: 'refuse', status: 421, reason: 'this host is not served here' };

    const given = caller.headers.origin ?? [];
    // Fetch metadata comes from browsers only, and no script can take it away: a navigation has it, and has no Origin.
    const browser = given.length > 0 || Object.keys(caller.headers).some((name) => name.startsWith('sec-fetch-'));
    if (!browser) {
      if (!options.requireTokenForLocal || holdsToken(caller)) return { kind: 'pass' };
      return { kind: 'refuse', status: 401, reason: 'the pairing token is missing or wrong' };
    }
    const [origin] = given;
    if (origin === undefined || given.length > 1 || !origins.has(origin))
      return { kind: 'refuse', status: 403, reason: 'this page is not paired with the bridge' };
    if (caller.method === 'OPTIONS' && caller.headers['access-control-request-method']?.length === 1)
      return { kind: 'preflight', origin };
    if (!holdsToken(caller))
      return { kind: 'refuse', status: 401, reason: 'the pairing token is missing or wrong', origin };
    return { kind: 'pass', origin };
  };
}

/** A request as the guard sees it. Node drops or joins repeated headers elsewhere; here they all count. */
export function callerOf(request: IncomingMessage): Caller {
  return { method: request.method ?? '', headers: request.headersDistinct };
}

/** Of equal length whatever was given, so that the comparison takes the same time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
