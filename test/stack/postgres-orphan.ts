import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { isAlive } from './process-identity.ts';
import { waitFor } from './wait-for.ts';

/** The process id in a data folder's lock file, if there is one. */
export async function postmasterOf(data: string): Promise<number | undefined> {
  const text = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
  const pid = Number.parseInt(text ?? '', 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/**
 * Ends the server that a crashed owner left on a data folder, and removes its lock file. A number that meanwhile
 * belongs to another program is not touched.
 */
export async function stopOrphan(data: string): Promise<void> {
  const pid = await postmasterOf(data);
  if (pid === undefined) return;
  if (isAlive(pid) && commandOf(pid).includes(data)) {
    // SIGINT: fast shutdown. SIGQUIT: at once, the next start replays the log.
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      try {
        process.kill(pid, signal);
      } catch {
        break;
      }
      const gone = waitFor(() => !isAlive(pid), { what: `end of PostgreSQL ${pid}`, timeoutMs: 10_000 });
      if (await gone.catch(() => false)) break;
    }
  }
  await rm(path.join(data, 'postmaster.pid'), { force: true });
}

function commandOf(pid: number): string {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return '';
    }
  }
  const [program, ...args] =
    process.platform === 'win32'
      ? [
          'powershell',
          '-NoProfile',
          '-Command',
          `(Get-CimInstance Win32_Process -Filter "ProcessId=${pid}").CommandLine`,
        ]
      : ['ps', '-o', 'command=', '-p', String(pid)];
  return spawnSync(program ?? 'ps', args, { encoding: 'utf8' }).stdout ?? '';
}
