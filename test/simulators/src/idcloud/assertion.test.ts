import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { type AssertionVerdict, createAssertionCheck } from './assertion.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const now = 1_780_000_000;
const good = { iss: 'atesto@tenant.iam.acesso.io', aud: 'https://id.example', scope: '*', iat: now, exp: now + 3_600 };

function sign(claims: Record<string, unknown>, header: object = {}, key = pair.privateKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...header }).sign(key);
}

const account = { name: 'atesto', tenantId: 'tenant', publicKey: publicKeyOf(pair) };
const another = { name: 'outro', tenantId: 'tenant', publicKey: publicKeyOf(other) };

function publicKeyOf({ publicKey }: typeof pair): string {
  return publicKey.export({ type: 'spki', format: 'pem' }) as string;
}

let verdict: (assertion: string) => AssertionVerdict<typeof account>;
const check = (assertion: string) => verdict(assertion).code;
beforeEach(() => {
  verdict = createAssertionCheck({
    accounts: [account, another],
    audience: () => 'https://id.example',
    now: () => now * 1000,
  });
});

describe('an assertion', () => {
  it('is good once', async () => {
    const assertion = await sign(good);
    expect(check(assertion)).toBeUndefined();
    expect(check(assertion)).toBe('1.2.7');
  });

  const { scope: _, ...withoutScope } = good;
  it.each([
    ['1.0.1', { ...good, iss: 'atesto@another.iam.acesso.io' }],
    ['1.1.1', withoutScope],
    ['1.2.4', { ...good, iat: now - 4_000, exp: now - 400 }],
    ['1.2.5', { ...good, aud: 'https://id.example/' }],
    ['1.2.5', { ...good, exp: now + 3_601 }],
    ['1.2.5', { ...good, iat: now + 100, exp: now + 200 }],
    ['1.2.19', { ...good, sub: 'somebody' }],
    ['1.2.22', { ...good, jti: 'x' }],
    ['1.2.22', { ...good, nbf: now }],
    ['1.2.21', { ...good, scope: 'all' }],
  ])('is refused with %s', async (code, claims) => {
    expect(check(await sign(claims))).toBe(code);
  });

  it('is refused when another key signed it, another algorithm is named, or it is none', async () => {
    expect(check(await sign(good, {}, other.privateKey))).toBe('1.2.5');
    expect(check(await sign(good, { typ: 'at+jwt' }))).toBe('1.2.20');
    expect(check(await sign(good, { alg: 'RS512' }))).toBe('1.2.20');
    expect(check('not.one')).toBe('1.2.20');
    expect(check('a.b.c')).toBe('1.2.20');
  });

  it('is of the account that it names, and of nobody where there is none of that name', async () => {
    expect(verdict(await sign(good))).toEqual({ account });
    const theirs = { ...good, iss: 'outro@tenant.iam.acesso.io' };
    expect(verdict(await sign(theirs, {}, other.privateKey))).toEqual({ account: another });
    expect(verdict(await sign(theirs))).toEqual({ account: another, code: '1.2.5' });
    const nobodys = { ...good, iss: 'nobody@tenant.iam.acesso.io' };
    expect(verdict(await sign(nobodys))).toEqual({ tenant: 'tenant', code: '1.2.5' });
    const { iss: _, ...nameless } = good;
    expect(check(await sign(nameless))).toBe('1.2.21');
  });
});
