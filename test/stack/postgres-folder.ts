import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Account, isReachableByAll, type PostgresBinaries } from './postgres-binaries.ts';
import { stopOrphan } from './postgres-orphan.ts';
import { identityOf, isSameProcessAlive } from './process-identity.ts';
import { StackError } from './stack-error.ts';

/** A folder with everything of one server: `data`, `password`, `owner` (who started it), `postgres.log`. */
export interface ClusterFolder {
  home: string;
  data: string;
  log: string;
  password: string;
}

const TEMPORARY = path.join(tmpdir(), `atesto-pg-${process.getuid?.() ?? 0}`);

/**
 * Makes a folder ready for a server that this process will own.
 * @param wanted where a lasting server keeps its data; without it a temporary folder is made, and those of processes
 * that are gone are removed
 */
export async function prepareFolder(binaries: PostgresBinaries, wanted?: string): Promise<ClusterFolder> {
  const home = wanted === undefined ? await temporaryHome(binaries.account) : await reachableHome(wanted, binaries);
  const folder = { home, data: path.join(home, 'data'), log: path.join(home, 'postgres.log') };
  await refuseLiveOwner(home);
  await stopOrphan(folder.data);
  await writeFile(path.join(home, 'owner'), identityOf(process.pid));
  await own(home, binaries.account);
  if (!(await hasCluster(folder.data, binaries.version))) {
    // A folder without a cluster is the remains of a copy that was cut short.
    await rm(folder.data, { recursive: true, force: true });
    const model = await modelCluster(binaries);
    const partial = path.join(home, 'data.partial');
    await rm(partial, { recursive: true, force: true });
    await cp(path.join(model, 'data'), partial, { recursive: true });
    await own(partial, binaries.account, true);
    await chmod(partial, 0o700);
    await cp(path.join(model, 'password'), path.join(home, 'password'));
    await chmod(path.join(home, 'password'), 0o600);
    await rename(partial, folder.data);
  }
  return { ...folder, password: await readFile(path.join(home, 'password'), 'utf8') };
}

/** Gives a folder back: a temporary one disappears, a lasting one is free for the next start. */
export async function releaseFolder(home: string, temporary: boolean): Promise<void> {
  if (temporary) await rm(home, { recursive: true, force: true, maxRetries: 5 });
  else await rm(path.join(home, 'owner'), { force: true });
}

async function temporaryHome(account: Account | undefined): Promise<string> {
  await mkdir(TEMPORARY, { recursive: true, mode: 0o755 });
  for (const name of await readdir(TEMPORARY)) {
    const home = path.join(TEMPORARY, name);
    const owner = await readFile(path.join(home, 'owner'), 'utf8').catch(() => undefined);
    // Without an owner it is being made at this moment, or its maker died in that moment: an hour tells.
    const abandoned =
      owner === undefined
        ? Date.now() - ((await stat(home).catch(() => undefined))?.mtimeMs ?? Date.now()) > 3_600_000
        : !isSameProcessAlive(owner);
    if (!abandoned) continue;
    await stopOrphan(path.join(home, 'data'));
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
  const home = await mkdtemp(path.join(TEMPORARY, 'run-'));
  await own(home, account);
  return home;
}

/** As root the server runs under another account, which does not get into a folder below /root, say. */
async function reachableHome(wanted: string, binaries: PostgresBinaries): Promise<string> {
  let home = path.resolve(wanted);
  if (binaries.account !== undefined && !(await isReachableByAll(home))) {
    home = path.join('/var/lib', `atesto-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`);
  }
  await mkdir(home, { recursive: true });
  return home;
}

async function refuseLiveOwner(home: string): Promise<void> {
  const owner = await readFile(path.join(home, 'owner'), 'utf8').catch(() => undefined);
  if (owner !== undefined && isSameProcessAlive(owner)) {
    throw new StackError('in-use', `The database in ${home} belongs to the running process ${owner.split(':')[0]}.`);
  }
}

async function hasCluster(data: string, version: string): Promise<boolean> {
  const made = await readFile(path.join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  const control = await stat(path.join(data, 'global', 'pg_control')).catch(() => undefined);
  if (made === undefined || control === undefined || control.size === 0) return false;
  const major = version.split('.')[0];
  if (made.trim() !== major) {
    throw new StackError('failed', `${data} was made by PostgreSQL ${made.trim()}, this is ${major}: move it away.`);
  }
  return true;
}

/**
 * An initialised cluster that was never started. `initdb` takes seconds, a copy of its 40 MB a fraction of one, so it
 * runs once per machine, account and version.
 */
async function modelCluster(binaries: PostgresBinaries): Promise<string> {
  const model = path.join(tmpdir(), `atesto-pgmodel-${process.getuid?.() ?? 0}-${binaries.version}`);
  const account = binaries.account?.uid ?? process.getuid?.();
  const made = await stat(model).catch(() => undefined);
  // The name is guessable: nobody else's folder is trusted.
  if (made !== undefined && (account === undefined || made.uid === account)) return model;
  const partial = await mkdtemp(`${model}-`);
  await own(partial, binaries.account);
  const passwordFile = path.join(partial, 'password');
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  await own(passwordFile, binaries.account);
  await initdb(binaries, path.join(partial, 'data'), passwordFile);
  try {
    await rename(partial, model);
    return model;
  } catch (error) {
    if ((await stat(model).catch(() => undefined))?.uid !== account) throw error;
    await rm(partial, { recursive: true, force: true });
    return model;
  }
}

async function initdb(binaries: PostgresBinaries, data: string, passwordFile: string): Promise<void> {
  const child = spawn(
    binaries.initdb,
    [
      `--pgdata=${data}`,
      '--username=atesto',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      // PostgreSQL's own UTF-8 rules: the same order on every machine, whatever locales it has.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--data-checksums',
    ],
    { ...binaries.account, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' }, cwd: tmpdir() },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new StackError('failed', `initdb ended with ${code}: ${output.slice(-2000)}`);
}

async function own(target: string, account: Account | undefined, deep = false): Promise<void> {
  if (account === undefined) return;
  await chown(target, account.uid, account.gid);
  if (!deep) return;
  for (const entry of await readdir(target, { withFileTypes: true, recursive: true })) {
    await chown(path.join(entry.parentPath, entry.name), account.uid, account.gid);
  }
}
