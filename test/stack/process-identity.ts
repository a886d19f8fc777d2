import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** True while a process with this id runs; a zombie that nobody reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return stateOf(pid) !== 'Z';
}

/**
 * A process as `pid:start time`, so that a number the system gave to someone else is told apart. Without a way to ask
 * for the start time (Windows) it is the number alone.
 */
export function identityOf(pid: number): string {
  return `${pid}:${startTimeOf(pid)}`;
}

/** True while the process that `identityOf` described still runs. */
export function isSameProcessAlive(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return Number.isSafeInteger(pid) && pid > 0 && isAlive(pid) && identityOf(pid) === identity;
}

function startTimeOf(pid: number): string {
  const fields = linuxStat(pid);
  if (fields !== undefined) return fields[19] ?? '';
  if (process.platform === 'win32') return '';
  return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() ?? '';
}

function stateOf(pid: number): string | undefined {
  return linuxStat(pid)?.[0];
}

/** The fields of proc(5) `stat` from the third (state) on: the second, the name, may contain blanks and brackets. */
function linuxStat(pid: number): string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
