import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { SettingsError } from './settings.ts';

/** PEM, of nobody. */
export const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** A folder for the files that settings name. */
export function scratchFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'atesto-settings-'));
  return {
    folder,
    /** @returns the file's path */
    write(name: string, content: string): string {
      const file = path.join(folder, name);
      writeFileSync(file, content);
      return file;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What the SettingsError says that `work` has to throw. */
export function problemsOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toMatchObject({ name: 'SettingsError', kind: 'invalid-settings' });
    return (error as SettingsError).message;
  }
  return expect.unreachable('nothing was thrown');
}
