import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { ForeignKey } from '../domain/key-marks.ts';
import { key, keyEncryptionKeys } from './kinds.ts';
import { writeSecretFile } from './secret-file.ts';
import { SettingsError } from './settings.ts';

/** Keys as text, for `parseKeyRing` and `parseKey` of the vault. */
export interface Keys {
  kek: string;
  indexKey: string;
  /** `environment`: given by settings. `embedded`: from a file in the state directory, which losing means losing all bodies. */
  source: 'environment' | 'embedded';
  /** Of embedded keys. */
  file?: string;
  /** True when the file was made just now. */
  created: boolean;
}

const keyFile = z.strictObject({ kek: keyEncryptionKeys, indexKey: key });

/**
 * The keys from the settings, or the embedded ones.
 * @throws SettingsError when one is given without the other, or the embedded file cannot be used
 */
export async function resolveKeys(
  given: { kek: string | undefined; indexKey: string | undefined },
  stateDir: string,
): Promise<Keys> {
  const { kek, indexKey } = given;
  if (kek !== undefined && indexKey !== undefined) return { kek, indexKey, source: 'environment', created: false };
  if (kek === undefined && indexKey === undefined) return await loadOrCreateKeys(stateDir);
  const setting = kek === undefined ? 'ATESTO_KEK' : 'ATESTO_INDEX_KEY';
  throw new SettingsError([{ setting, problem: 'is not set; ATESTO_KEK and ATESTO_INDEX_KEY are given together' }]);
}

/**
 * The keys in `<dir>/keys.json`, made at the first start. Services that start at the same time agree on one file.
 * @throws SettingsError for a file that others can read, or that holds something else
 */
export async function loadOrCreateKeys(dir: string): Promise<Keys> {
  const file = path.join(dir, 'keys.json');
  const created =
    (await stat(file).catch(() => undefined)) === undefined &&
    (await writeSecretFile(file, newKeys(), { existing: 'keep' }));
  const found = await stat(file);
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new SettingsError([{ setting: 'ATESTO_STATE_DIR', problem: `others can read ${file}: chmod 600 it` }]);
  }
  const parsed = keyFile.safeParse(parseJson(await readFile(file, 'utf8')));
  if (!parsed.success) {
    throw new SettingsError([{ setting: 'ATESTO_STATE_DIR', problem: `${file} is not a file of keys` }]);
  }
  return { ...parsed.data, source: 'embedded', file, created };
}

const FOREIGN_REMEDY = 'Nothing was changed: give the keys of before (docs/security.md, “Keys”).';
const foreignProblems = {
  'other-index-key': () => 'the index key is not the one that this ledger was begun with',
  'missing-key': (id) => `the key ${id} is missing, and the ledger may have values under it`,
  'other-key': (id) => `the key ${id} is another one than the ledger has values under`,
} satisfies Record<ForeignKey['why'], (id: string) => string>;

/** @throws SettingsError where the keys are not the ledger's: a service that worked with them would take each body for damaged and each person for a new one */
export function refuseForeignKeys(
  found: readonly ForeignKey[],
  { file, created }: Pick<Keys, 'file' | 'created'>,
): void {
  if (found.length === 0) return;
  const place = file ? `in ${file}${created ? ', which was not there and was made just now,' : ''} ` : '';
  throw new SettingsError(
    found.map((foreign, at) => ({
      setting: file ? 'ATESTO_STATE_DIR' : foreign.why === 'other-index-key' ? 'ATESTO_INDEX_KEY' : 'ATESTO_KEK',
      problem: `${place}${foreignProblems[foreign.why]('id' in foreign ? foreign.id : '')}${at === found.length - 1 ? `. ${FOREIGN_REMEDY}` : ''}`,
    })),
  );
}

function newKeys(): string {
  const kek = `embedded-1:${randomBytes(32).toString('base64')}`;
  return `${JSON.stringify({ kek, indexKey: randomBytes(32).toString('base64') }, null, 2)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
