import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/** Whose assertions are good. */
export interface AssertionAccount {
  name: string;
  tenantId: string;
  /** PEM. */
  publicKey: string;
}

export interface AssertionRules<Account extends AssertionAccount> {
  /** `iss` is `<name>@<tenant>.iam.acesso.io`. */
  accounts: readonly Account[];
  /** The token endpoint's host, without a trailing slash. */
  audience: () => string;
  now: () => number;
}

/** `account` is who it says that it is, proven only where there is no `code`. `tenant` stands where no account is of that name. */
export interface AssertionVerdict<Account> {
  account?: Account | undefined;
  tenant?: string | undefined;
  code?: string | undefined;
}

const admitted = new Set(['iss', 'aud', 'scope', 'iat', 'exp']);
/** Clock skew that is forgiven, in seconds. */
const LEEWAY = 30;

/**
 * Checks assertions as section 1.2 of the reference describes and says the code of section 1.5, or none for a good one.
 * It remembers each good one until it expires: an assertion is good once.
 */
export function createAssertionCheck<Account extends AssertionAccount>(
  rules: AssertionRules<Account>,
): (assertion: string) => AssertionVerdict<Account> {
  const keys = new Map<Account, KeyObject>(rules.accounts.map((one) => [one, createPublicKey(one.publicKey)]));
  const used = new Map<string, number>();
  return (assertion) => {
    const [head, claims, signature, ...rest] = assertion.split('.');
    if (!head || !claims || !signature || rest.length > 0) return { code: '1.2.20' };
    const header = decodePart(head);
    const payload = decodePart(claims);
    if (header?.alg !== 'RS256' || header.typ !== 'JWT' || !payload) return { code: '1.2.20' };
    if (typeof payload.iss !== 'string') return { code: '1.2.21' };
    const [name = '', tenant] = payload.iss.replace(/\.iam\.acesso\.io$/, '').split('@');
    const account = rules.accounts.find((one) => one.name === name);
    const key = account && keys.get(account);
    if (!account || !key) return { tenant, code: '1.2.5' };
    const good = verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'));
    if (!good) return { account, code: '1.2.5' };
    const now = Math.floor(rules.now() / 1000);
    const wrong = wrongClaim(payload, account, rules.audience(), now);
    if (wrong) return { account, code: wrong };
    for (const [old, exp] of used) if (exp < now) used.delete(old);
    if (used.has(assertion)) return { account, code: '1.2.7' };
    used.set(assertion, payload.exp as number);
    return { account };
  };
}

function wrongClaim(
  payload: Record<string, unknown>,
  account: AssertionAccount,
  audience: string,
  now: number,
): string | undefined {
  const { iss, aud, scope, iat, exp } = payload;
  if ('sub' in payload) return '1.2.19';
  if (Object.keys(payload).some((name) => !admitted.has(name))) return '1.2.22';
  if (scope === undefined) return '1.1.1';
  if (typeof iat !== 'number' || typeof exp !== 'number') return '1.2.20';
  if (!Number.isInteger(iat) || !Number.isInteger(exp)) return '1.2.20';
  if (typeof aud !== 'string' || scope !== '*') return '1.2.21';
  if (iss !== `${account.name}@${account.tenantId}.iam.acesso.io`) return '1.0.1';
  if (exp < now - LEEWAY) return '1.2.4';
  if (aud !== audience || exp > iat + 3_600 || iat > now + LEEWAY) return '1.2.5';
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
