import { createPublicKey, type KeyObject, verify } from 'node:crypto';

export interface AssertionRules {
  /** The service account's name and tenant: `iss` is `<account>@<tenant>.iam.acesso.io`. */
  account: string;
  tenantId: string;
  /** PEM of the account's public key. */
  publicKey: string;
  /** The token endpoint's host, without a trailing slash. */
  audience: () => string;
  now: () => number;
}

const admitted = new Set(['iss', 'aud', 'scope', 'iat', 'exp']);
/** Clock skew that is forgiven, in seconds. */
const LEEWAY = 30;

/**
 * Checks assertions as section 1.2 of the reference describes and says the code of section 1.5, or undefined for a good one.
 * It remembers each good one until it expires: an assertion is good once.
 */
export function createAssertionCheck(rules: AssertionRules): (assertion: string) => string | undefined {
  const key: KeyObject = createPublicKey(rules.publicKey);
  const used = new Map<string, number>();
  return (assertion) => {
    const [head, claims, signature, ...rest] = assertion.split('.');
    if (!head || !claims || !signature || rest.length > 0) return '1.2.20';
    const header = decodePart(head);
    const payload = decodePart(claims);
    if (header?.alg !== 'RS256' || header.typ !== 'JWT' || !payload) return '1.2.20';
    const good = verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'));
    if (!good) return '1.2.5';
    const now = Math.floor(rules.now() / 1000);
    const wrong = wrongClaim(payload, rules, now);
    if (wrong) return wrong;
    for (const [old, exp] of used) if (exp < now) used.delete(old);
    if (used.has(assertion)) return '1.2.7';
    used.set(assertion, payload.exp as number);
    return undefined;
  };
}

function wrongClaim(payload: Record<string, unknown>, rules: AssertionRules, now: number): string | undefined {
  const { iss, aud, scope, iat, exp } = payload;
  if ('sub' in payload) return '1.2.19';
  if (Object.keys(payload).some((name) => !admitted.has(name))) return '1.2.22';
  if (scope === undefined) return '1.1.1';
  if (typeof iat !== 'number' || typeof exp !== 'number') return '1.2.20';
  if (!Number.isInteger(iat) || !Number.isInteger(exp)) return '1.2.20';
  if (typeof iss !== 'string' || typeof aud !== 'string' || scope !== '*') return '1.2.21';
  if (iss !== `${rules.account}@${rules.tenantId}.iam.acesso.io`) {
    return iss.startsWith(`${rules.account}@`) ? '1.0.1' : '1.2.5';
  }
  if (exp < now - LEEWAY) return '1.2.4';
  if (aud !== rules.audience() || exp > iat + 3_600 || iat > now + LEEWAY) return '1.2.5';
  return undefined;
}

function decodePart(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
