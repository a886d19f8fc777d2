import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { findProgram, installProgram } from './programs.ts';

/** A clock that a process can be given: off by so many seconds, which may change while it runs. */
export interface FakeClock {
  /** For a process that is to go by it. Timers and `performance.now()` go on as they are: only the time of day is off. */
  env: Record<string, string>;
  /** Positive is ahead. A process sees it within a second. */
  set(seconds: number): Promise<void>;
}

/**
 * Where the dynamic linker finds libfaketime; as root on Debian and its kin it is installed. Undefined where it cannot be had; what was tried has been
 * reported.
 */
export async function findFaketime(report: (line: string) => void): Promise<string | undefined> {
  const program = findProgram(['faketime']) ?? (await installProgram('faketime', ['faketime'], report));
  if (program === undefined) return undefined;
  // The library for programs with threads, named as the linker takes it.
  const asked = spawnSync(program, ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}

/** @param file where the offset stands; each clock has its own */
export async function openFakeClock(library: string, file: string, seconds: number): Promise<FakeClock> {
  const set = (offset: number) => writeFile(file, `${offset < 0 ? '-' : '+'}${Math.abs(offset)}s\n`);
  await set(seconds);
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    set,
  };
}
