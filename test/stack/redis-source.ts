import { findProgram, installProgram } from './programs.ts';

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
export function findRedis(search?: string): RedisProgram | undefined {
  const file = findProgram(NAMES, search);
  return file === undefined ? undefined : { file, source: 'path' };
}

/** As root on Debian and its kin: installs the programs alone, no service is added and none is started. */
export async function installRedis(report: (line: string) => void): Promise<RedisProgram | undefined> {
  const file = await installProgram('redis-tools', NAMES, report);
  return file === undefined ? undefined : { file, source: 'apt' };
}
