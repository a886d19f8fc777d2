import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';

export interface SecretFileOptions {
  /** `replace` puts it in the place of what is there; `keep` leaves that alone, so that of two writers the first wins. */
  existing: 'replace' | 'keep';
}

/**
 * Writes a file that only its owner reads, whole or not at all, and there after a power cut.
 * @returns false where `keep` found one
 */
export async function writeSecretFile(file: string, text: string, { existing }: SecretFileOptions): Promise<boolean> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (existing === 'replace') await rename(draft, file);
    else await link(draft, file);
  } catch (error) {
    if (existing === 'keep' && (error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  await syncFolder(folder);
  return true;
}

/** So that the new name survives a power cut. Windows cannot open a folder, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
