import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';

/** A folder for this run alone, `.atesto/bench/<process id>`. Those of runs that are gone (their logs stay after a failure) are removed. */
export async function makeRunFolder(): Promise<string> {
  const root = path.resolve('.atesto/bench');
  await mkdir(root, { recursive: true });
  for (const name of await readdir(root)) {
    if (!isAlive(Number(name))) await rm(path.join(root, name), { recursive: true, force: true });
  }
  const dir = path.join(root, String(process.pid));
  await mkdir(dir, { recursive: true });
  return dir;
}

function isAlive(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch {
    return false;
  }
}
