import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadOrCreateKeys, refuseForeignKeys, resolveKeys } from './keys.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'atesto-keys-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let made = 0;
const fresh = () => path.join(scratch, `state-${++made}`, 'deep');
const KEY = Buffer.alloc(32, 7).toString('base64');

describe('loadOrCreateKeys', () => {
  it('makes a file for its owner alone, once', async () => {
    const dir = fresh();
    const first = await loadOrCreateKeys(dir);
    expect(first).toMatchObject({ source: 'embedded', created: true, file: path.join(dir, 'keys.json') });
    expect(first.kek).toMatch(/^embedded-1:[A-Za-z0-9+/]{43}=$/);
    expect(await loadOrCreateKeys(dir)).toEqual({ ...first, created: false });
    if (process.platform !== 'win32') expect(statSync(path.join(dir, 'keys.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['keys.json']);
  });

  it('gives the same keys to services that start together', async () => {
    const dir = fresh();
    const all = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateKeys(dir)));
    expect(new Set(all.map(({ kek, indexKey }) => kek + indexKey)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
    expect(readdirSync(dir)).toEqual(['keys.json']);
  });

  it('refuses a file that others can read, or that holds something else, without showing it', async () => {
    const dir = fresh();
    const { file, kek } = await loadOrCreateKeys(dir);
    if (process.platform !== 'win32') {
      chmodSync(file as string, 0o640);
      await expect(loadOrCreateKeys(dir)).rejects.toThrow(/others can read/);
      chmodSync(file as string, 0o600);
    }
    for (const content of ['', 'x', '{}', JSON.stringify({ kek, indexKey: 'short' })]) {
      writeFileSync(file as string, content);
      const refused = loadOrCreateKeys(dir);
      await expect(refused).rejects.toMatchObject({ name: 'SettingsError' });
      await expect(refused).rejects.not.toThrow(kek);
    }
  });
});

describe('resolveKeys', () => {
  it('prefers the settings, both of them', async () => {
    const dir = fresh();
    const given = { kek: `k1:${KEY}`, indexKey: KEY };
    expect(await resolveKeys(given, dir)).toEqual({ ...given, source: 'environment', created: false });
    await expect(resolveKeys({ kek: given.kek, indexKey: undefined }, dir)).rejects.toThrow(
      /^ATESTO_INDEX_KEY: is not set/,
    );
    await expect(resolveKeys({ kek: undefined, indexKey: KEY }, dir)).rejects.toThrow(/^ATESTO_KEK: is not set/);
    expect(await resolveKeys({ kek: undefined, indexKey: undefined }, dir)).toMatchObject({ created: true });
  });
});

describe('refuseForeignKeys', () => {
  const found = [{ why: 'missing-key', id: 'k1' } as const, { why: 'other-index-key' } as const];

  it('says nothing of keys that are the ledger’s', () =>
    expect(refuseForeignKeys([], { created: true })).toBeUndefined());

  it('names the setting of each', () => {
    expect(() => refuseForeignKeys(found, { created: false })).toThrow(
      /^ATESTO_KEK: the key k1 is missing, .*\nATESTO_INDEX_KEY: .* begun with\. Nothing was changed: give the keys of before/,
    );
  });

  it('names the file, and whether it was made just now', () => {
    const file = '/state/keys.json';
    expect(() => refuseForeignKeys(found, { created: false, file })).toThrow(
      /^ATESTO_STATE_DIR: in \/state\/keys\.json the key k1/,
    );
    expect(() => refuseForeignKeys(found, { created: true, file })).toThrow(
      /keys\.json, which was not there and was made just now, the key k1/,
    );
  });
});
