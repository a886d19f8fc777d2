import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The first program of these names along PATH and where Debian and Homebrew put them. */
export function findProgram(names: readonly string[], search: string = process.env.PATH ?? ''): string | undefined {
  const folders = [...search.split(path.delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  for (const name of names) {
    for (const folder of folders) {
      const file = path.join(folder, process.platform === 'win32' ? `${name}.exe` : name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not here.
      }
    }
  }
  return undefined;
}

/**
 * As root on Debian and its kin: installs a package and gives the first program of these names. Undefined where that cannot be; what was
 * tried has been reported.
 */
export async function installProgram(
  aptPackage: string,
  names: readonly string[],
  report: (line: string) => void,
): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined;
  report(`No ${names[0]} here: installing the package ${aptPackage} with apt-get (programs only, no service).`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], { env: environment, encoding: 'utf8' });
  // Another test process may be at it: the package lists' lock does not wait by itself.
  for (let attempt = 0; attempt < 5; attempt++) {
    apt('update');
    const installed = apt('install', '-y', '--no-install-recommends', aptPackage);
    const found = findProgram(names);
    if (found !== undefined) return found;
    if (!/lock/i.test(installed.stderr)) {
      report(`apt-get could not install it: ${installed.stderr.trim().split('\n').at(-1) ?? ''}`);
      return undefined;
    }
    await delay(2_000);
  }
  return undefined;
}
