import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { decodeJwt } from 'jose';
import { Pool } from 'undici';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tokenErrors } from '../contracts/idcloud-token.ts';
import type { TokenStore } from '../domain/token-store.ts';
import { createTokenSource, type TokenFailure, type TokenSource } from './idcloud-token.ts';
import { createMemoryTokenStore } from './memory-token-store.ts';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const HOUR = 3_600_000;

/** What the identity host does with each request, in order; after the last, it gives tokens. */
let answers: ((reply: ServerResponse) => void)[];
let assertions: string[];
let server: Server;
let pool: Pool;
let clock: number;
let store: TokenStore<TokenFailure>;

const give = (reply: ServerResponse) =>
  reply.end(JSON.stringify({ access_token: `token-${assertions.length}`, token_type: 'Bearer', expires_in: 3_600 }));
const refuse = (code: string) => (reply: ServerResponse) => {
  reply.statusCode = 400;
  reply.end(JSON.stringify({ error: 'server_error', error_description: `Falha na autenticação ${code}` }));
};

beforeEach(async () => {
  [answers, assertions, clock] = [[], [], Date.parse('2026-11-22T12:00:00Z')];
  store = createMemoryTokenStore(() => clock);
  server = createServer(async (request, reply) => {
    assertions.push(new URLSearchParams(await text(request)).get('assertion') ?? '');
    (answers.shift() ?? give)(reply);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await pool.destroy();
});

/** A process of its own, as far as tokens go. */
function openSource(shared: TokenStore<TokenFailure> = store, onRefused = vi.fn(), aheadMs = 0): TokenSource {
  const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth2/token`;
  const settings = { tokenUrl, account: 'bank', tenantId: 't', privateKey, timeoutMs: 5_000, onRefused };
  return createTokenSource('bank', pool, settings, shared, () => clock + aheadMs);
}
const tokenOf = (name: string) => ({ kind: 'token', token: name });

describe('processes that share their tokens', () => {
  it('ask once for all their calls', async () => {
    const sources = [openSource(), openSource(), openSource()];
    const all = await Promise.all(sources.flatMap((one) => [one.token(), one.token(), one.token()]));
    expect(all).toEqual(all.map(() => tokenOf('token-1')));
    expect(assertions).toHaveLength(1);
  });

  it('go on with the old token while one of them fetches the next, ten minutes before the end', async () => {
    const [first, second] = [openSource(), openSource()];
    await first.token();
    await second.token();
    clock += 51 * 60_000;
    const held = Promise.withResolvers<ServerResponse>();
    answers = [held.resolve];
    expect(await first.token()).toEqual(tokenOf('token-1'));
    const reply = await held.promise;
    expect([await first.token(), await second.token()]).toEqual([tokenOf('token-1'), tokenOf('token-1')]);
    give(reply);
    await vi.waitFor(async () => {
      clock += 200;
      expect([await first.token(), await second.token()]).toEqual([tokenOf('token-2'), tokenOf('token-2')]);
    });
    expect(assertions).toHaveLength(2);
  });

  it('wait for the one that fetches the first, and take over from one that died', async () => {
    await store.look('bank', { leaseMs: 10_000, refused: undefined });
    const waiting = openSource().token();
    const looked = vi.spyOn(store, 'look');
    await vi.waitFor(() => expect(looked).toHaveBeenCalled());
    expect(assertions).toHaveLength(0);
    clock += 10_000;
    expect(await waiting).toEqual(tokenOf('token-1'));
  });

  it.each([-600_000, 600_000])('say the time that they share, where their own is off by %i ms', async (aheadMs) => {
    expect(await openSource(store, vi.fn(), aheadMs).token()).toEqual(tokenOf('token-1'));
    const { iat = 0, exp = 0 } = decodeJwt(assertions[0] ?? '');
    expect(clock / 1000 - iat).toBeGreaterThanOrEqual(0);
    expect(clock / 1000 - iat).toBeLessThanOrEqual(30);
    expect(exp).toBeGreaterThan(clock / 1000);
  });

  it('renew a token once that the API would not have of any of them', async () => {
    const [first, second] = [openSource(), openSource()];
    await first.token();
    await second.token();
    first.invalidate('token-1');
    expect(await first.token()).toEqual(tokenOf('token-2'));
    second.invalidate('token-1');
    expect(await second.token()).toEqual(tokenOf('token-2'));
    expect(assertions).toHaveLength(2);
  });

  it('all leave a locked account alone', async () => {
    answers = [refuse('1.2.18')];
    const locked = { kind: 'unavailable', reason: 'token-locked', upstreamCode: '1.2.18', retryAfterMs: 900_000 };
    expect(await openSource().token()).toMatchObject(locked);
    expect(await openSource().token()).toMatchObject(locked);
    clock += 899_999;
    expect(await openSource().token()).toMatchObject({ reason: 'token-locked', retryAfterMs: 1 });
    expect(assertions).toHaveLength(1);
    clock += 1;
    expect(await openSource().token()).toEqual(tokenOf('token-2'));
  });

  it('use what they have while the store is away, and nothing after its end', async () => {
    const away: TokenStore<TokenFailure> = { ...store, look: () => Promise.reject(new Error('away')) };
    const unavailable = { kind: 'unavailable', reason: 'token-unavailable' };
    expect(await openSource(away).token()).toEqual(unavailable);
    const source = openSource();
    await source.token();
    vi.spyOn(store, 'look').mockRejectedValue(new Error('away'));
    clock += HOUR - 1;
    expect(await source.token()).toEqual(tokenOf('token-1'));
    clock += 1_001;
    expect(await source.token()).toMatchObject(unavailable);
  });
});

it.each<[string, ((reply: ServerResponse) => void)[], object]>([
  ['token', [], { kind: 'token', token: 'token-1' }],
  ['failure', [refuse('1.2.18')], { kind: 'unavailable', reason: 'token-locked' }],
])('a %s that cannot be written down holds for the process that has it', async (_what, given, expected) => {
  answers = given;
  const away = () => Promise.reject(new Error('away'));
  const source = openSource({ look: store.look, keep: away, fail: away });
  expect(await source.token()).toMatchObject(expected);
  expect(await source.token()).toMatchObject(expected);
  expect(assertions).toHaveLength(1);
});

describe('one process', () => {
  it('signs the five admitted claims, and no assertion twice', async () => {
    const source = openSource();
    for (let n = 1; n <= 20; n++) {
      source.accepted();
      expect(await source.token()).toEqual(tokenOf(`token-${n}`));
      source.invalidate(`token-${n}`);
    }
    expect(new Set(assertions).size).toBe(20);
    for (const assertion of assertions) {
      const { iat = 0, exp = 0, ...claims } = decodeJwt(assertion);
      expect(claims).toEqual({ iss: 'bank@t.iam.acesso.io', aud: expect.stringMatching(/^http:.*\d$/), scope: '*' });
      expect(iat).toBeLessThanOrEqual(clock / 1000);
      expect(exp - iat).toBeLessThanOrEqual(3_600);
      expect(exp).toBeGreaterThan(clock / 1000);
    }
  });

  it.each(Object.entries(tokenErrors))('does after %s what its row says', async (code, { remedy }) => {
    answers = [refuse(code)];
    const told = vi.fn();
    const source = openSource(store, told);
    const result = await source.token();
    if (remedy === 'new-assertion') {
      expect(result).toEqual(tokenOf('token-2'));
      expect(told).not.toHaveBeenCalled();
      return;
    }
    const [reason, pauseMs] = remedy === 'wait' ? ['token-locked', 900_000] : ['token-refused', 60_000];
    expect(result).toMatchObject({ kind: 'unavailable', reason, upstreamCode: code });
    expect(told.mock.calls).toEqual([[expect.objectContaining({ reason, upstreamCode: code })]]);
    clock += pauseMs - 1;
    expect(await source.token()).toMatchObject({ reason });
    expect(assertions).toHaveLength(1);
    clock += 1;
    expect(await source.token()).toEqual(tokenOf('token-2'));
  });

  it('does not try a third assertion', async () => {
    answers = [refuse('1.2.7'), refuse('1.2.7')];
    expect(await openSource().token()).toMatchObject({ reason: 'token-refused', upstreamCode: '1.2.7' });
    expect(assertions).toHaveLength(2);
  });

  it('takes a code that nobody knows for a matter of settings', async () => {
    answers = [refuse('1.9.9')];
    expect(await openSource().token()).toMatchObject({ reason: 'token-refused', upstreamCode: '1.9.9' });
  });
});
