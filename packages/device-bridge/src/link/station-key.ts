import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stationAnswer } from '@atesto/shared/contracts/gateway';
import type * as z from 'zod';

/** Who the station is at the gateway. */
export type StationIdentity = z.infer<typeof stationAnswer>;

/** Writes a file that only its owner reads, whole or not at all. */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await handle.close();
  await rename(temporary, file);
  await syncFolder(dirname(file));
}

/** The identity that an enrolment left; undefined where there was none. @throws Error for a file that is not one */
export async function readStationKey(file: string): Promise<StationIdentity | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return stationAnswer.parse(JSON.parse(text));
  } catch {
    // The parser's own message could show what stands there.
    throw new Error(`the station key in ${file} cannot be read: enrol the station again`);
  }
}

/** So that the new name survives a power cut. Windows cannot open a folder, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
