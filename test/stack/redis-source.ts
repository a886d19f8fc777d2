import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A program that is a Redis server when it is started under the name `redis-server`. */
export interface RedisProgram {
  file: string;
  /** Where it was found, for the start-up log. */
  source: 'path' | 'apt';
}

/**
 * Debian's `redis-tools` carries the server too: its `redis-check-rdb` is the same program, which looks at its own
 * name to know what to do. `redis-server` is a link to it plus a service, an account and a daemon that we do not want.
 */
const NAMES = ['redis-server', 'valkey-server', 'redis-check-rdb', 'valkey-check-rdb'];

/** Looks along PATH and where Debian and Homebrew put servers. */
export function findRedis(search: string = process.env.PATH ?? ''): RedisProgram | undefined {
  const folders = [...search.split(path.delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  for (const name of NAMES) {
    for (const folder of folders) {
      const file = path.join(folder, process.platform === 'win32' ? `${name}.exe` : name);
      try {
        accessSync(file, constants.X_OK);
        return { file, source: 'path' };
      } catch {
        // Not here.
      }
    }
  }
  return undefined;
}

/** As root on Debian and its kin: installs the programs alone, no service is added and none is started. */
export async function installRedis(report: (line: string) => void): Promise<RedisProgram | undefined> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined;
  report('No Redis here: installing the package redis-tools with apt-get (programs only, no service).');
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], { env: environment, encoding: 'utf8' });
  // Another test process may be at it: the package lists' lock does not wait by itself.
  for (let attempt = 0; attempt < 5; attempt++) {
    apt('update');
    const installed = apt('install', '-y', '--no-install-recommends', 'redis-tools');
    const found = findRedis();
    if (found !== undefined) return { ...found, source: 'apt' };
    if (!/lock/i.test(installed.stderr)) {
      report(`apt-get could not install it: ${installed.stderr.trim().split('\n').at(-1) ?? ''}`);
      return undefined;
    }
    await delay(2_000);
  }
  return undefined;
}
