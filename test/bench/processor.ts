import { readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';

/** Linux counts a process's time in hundredths of a second (`USER_HZ`, the same on every architecture that Node runs on). */
const TICK_US = 10_000;

/** Processor time in µs that a process and its children have had; undefined where it cannot be read. For servers: 10 ms is the unit. */
export function processorTime(pid: number | undefined): number | undefined {
  const own = pid === undefined ? undefined : readStat(pid);
  if (!own) return undefined;
  let ticks = own.ticks + own.reaped;
  for (const name of readdirSync('/proc')) {
    const child = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    if (child?.parent === pid) ticks += child?.ticks ?? 0;
  }
  return ticks * TICK_US;
}

function readStat(pid: number): { parent: number; ticks: number; reaped: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold anything; the fields are counted behind it, from the third.
    const field = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (number: number) => field[number - 3] as number;
    return { parent: at(4), ticks: at(14) + at(15), reaped: at(16) + at(17) };
  } catch {
    return undefined;
  }
}

/** Memory of a process in MiB: what is resident, or the most that ever was. */
export function statusOf({ pid }: { pid: number }, field: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Number(kib) / 1024;
}

/** A line for the record. */
export function describeMachine(): string {
  const { length, 0: first } = cpus();
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  return `${length} × ${first?.model.trim() ?? 'unknown'}, ${gib} GiB, ${platform()} ${release()} ${arch()}`;
}
