import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import type { TokenStore } from '../domain/token-store.ts';
import { createMemoryTokenStore } from '../upstreams/memory-token-store.ts';
import { createKeyRing, generateKey } from '../vault/key-ring.ts';
import { tokenColumn } from '../vault/token-column.ts';
import type { Database } from './database.ts';
import { createTokenStore } from './idcloud-tokens.ts';

const keyRing = createKeyRing([{ id: 'k', key: generateKey() }], generateKey());
const why = { kind: 'unavailable', reason: 'token-locked', upstreamCode: '1.2.18' } as const;
const anything = { leaseMs: 60_000, refused: undefined };
const MINUTE = 60_000;

let ledger: Ledger;
let db: Database;
beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
afterAll(() => ledger?.stop());

const stores: [string, () => TokenStore<typeof why>][] = [
  ['in memory', () => createMemoryTokenStore()],
  ['in the ledger', () => createTokenStore(db, tokenColumn(keyRing))],
];

describe.each(stores)('tokens %s', (_where, open) => {
  const hold = async (store: TokenStore<typeof why>, account: string, renewInMs = MINUTE, expiresInMs = MINUTE) => {
    const { lease = '' } = await store.look(account, anything);
    return store.keep(account, lease, { token: `token of ${account}`, renewInMs, expiresInMs });
  };

  it('gives the right to fetch to one at a time', async () => {
    const [store, account] = [open(), randomUUID()];
    const looks = await Promise.all(Array.from({ length: 8 }, () => store.look(account, anything)));
    expect(looks.filter(({ lease }) => lease !== undefined)).toHaveLength(1);
    expect(looks.every(({ token, failure }) => !token && !failure)).toBe(true);
  });

  it('gives everybody the token, and nobody the right to fetch while it is young', async () => {
    const [store, account] = [open(), randomUUID()];
    expect(await hold(store, account)).toBe(1);
    const { token, lease } = await store.look(account, anything);
    expect(token).toMatchObject({ token: `token of ${account}`, version: 1 });
    expect(token?.renewInMs).toBeGreaterThan(MINUTE - 10_000);
    expect(token?.expiresInMs).toBeLessThanOrEqual(MINUTE);
    expect(lease).toBeUndefined();
    expect(await store.look(randomUUID(), anything)).not.toHaveProperty('token');
  });

  it('has the old token renewed by one, while it serves the others', async () => {
    const [store, account] = [open(), randomUUID()];
    await hold(store, account, 0);
    const first = await store.look(account, anything);
    const second = await store.look(account, anything);
    expect([first.lease !== undefined, second.lease !== undefined]).toEqual([true, false]);
    expect(second.token).toMatchObject({ version: 1 });
    expect(await store.keep(account, first.lease ?? '', { token: 'new', renewInMs: 1, expiresInMs: MINUTE })).toBe(2);
    expect((await store.look(account, anything)).token).toMatchObject({ token: 'new', version: 2 });
  });

  it('does not serve a token that is refused or over', async () => {
    const [store, account] = [open(), randomUUID()];
    await hold(store, account);
    const { token, lease } = await store.look(account, { ...anything, refused: 1 });
    expect([token, typeof lease]).toEqual([undefined, 'string']);
    expect(await store.look(account, { ...anything, refused: 1 })).toEqual({ nowMs: expect.any(Number) });
    // Somebody who has not tried it does not know better.
    expect((await store.look(account, anything)).token).toBeDefined();
    const short = randomUUID();
    await hold(store, short, 0, 0);
    expect(await store.look(short, anything)).toEqual({ nowMs: expect.any(Number), lease: expect.any(String) });
  });

  it('keeps everybody from trying after a failure, until its pause is over', async () => {
    const [store, account] = [open(), randomUUID()];
    const { lease = '' } = await store.look(account, anything);
    await store.fail(account, lease, { why, pauseMs: 900_000 });
    const { failure, ...rest } = await store.look(account, anything);
    expect(failure?.why).toEqual(why);
    expect(failure?.pauseMs).toBeGreaterThan(890_000);
    expect(rest).toEqual({ nowMs: expect.any(Number) });
    const short = randomUUID();
    const { lease: other = '' } = await store.look(short, anything);
    await store.fail(short, other, { why, pauseMs: 30 });
    await vi.waitFor(async () =>
      expect(await store.look(short, anything)).toEqual({ nowMs: expect.any(Number), lease: expect.any(String) }),
    );
  });

  it('takes nothing from one whose lease is over, and gives it to the next', async () => {
    const [store, account] = [open(), randomUUID()];
    const { lease: late = '' } = await store.look(account, { leaseMs: 30, refused: undefined });
    const next = await vi.waitFor(async () => {
      const { lease } = await store.look(account, anything);
      expect(lease).toBeDefined();
      return lease ?? '';
    });
    expect(await store.keep(account, late, { token: 'late', renewInMs: MINUTE, expiresInMs: MINUTE })).toBeUndefined();
    await store.fail(account, late, { why, pauseMs: MINUTE });
    expect(await store.look(account, anything)).toEqual({ nowMs: expect.any(Number) });
    expect(await store.keep(account, next, { token: 'next', renewInMs: MINUTE, expiresInMs: MINUTE })).toBe(1);
  });
});

it('keeps tokens sealed, and has one fetched anew that no key opens any more', async () => {
  const account = randomUUID();
  const store = createTokenStore(db, tokenColumn(keyRing));
  const { lease = '' } = await store.look(account, anything);
  await store.keep(account, lease, { token: 'eyJ.secret', renewInMs: MINUTE, expiresInMs: MINUTE });
  const { rows } = await db.query('select t::text as row, token_sealed from idcloud_tokens t where id = $1', [account]);
  expect(rows[0].token_sealed.includes('secret')).toBe(false);
  expect(rows[0].row).not.toContain(Buffer.from('secret').toString('hex'));

  const others = createKeyRing([{ id: 'other', key: generateKey() }], generateKey());
  const standing = await createTokenStore(db, tokenColumn(others)).look(account, anything);
  expect(standing).toEqual({ nowMs: expect.any(Number), lease: expect.any(String) });
});
