import { createHash } from 'node:crypto';
import { readdir, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';

/** After this a file whose writer cannot be asked (another host, on a shared disk) counts as abandoned. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** `<host>.<process id>.<random>`: enough to tell later whether the writer still lives. */
export function temporaryName(random: string): string {
  return `${hostTag()}.${process.pid}.${random}`;
}

/** Removes the files of writers that are gone and leaves those of live ones alone. */
export async function removeAbandoned(folder: string): Promise<void> {
  const startedAt = Date.now() - process.uptime() * 1000;
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    const [host, pid] = name.split('.');
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) continue;
    const tooOld = Date.now() - found.mtimeMs > ABANDONED_AFTER_MS;
    // With our own number it is ours if it is younger than we are: in a container everyone is process 1.
    const writerGone =
      host === hostTag() && (Number(pid) === process.pid ? found.mtimeMs < startedAt : !isAlive(Number(pid)));
    if (tooOld || writerGone) await unlink(file).catch(() => undefined);
  }
}

function hostTag(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
