#!/usr/bin/env node
// Entry of every command of the repository. Runs on whatever Node starts it (20 or newer), installs the pinned
// toolchain through npm when it is missing or out of date, and hands over to the pinned Node.
// Plain JavaScript and no imports but Node's own: at this point nothing is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [script, ...args] = process.argv.slice(2);

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(
    `Atesto needs Node 20 or newer to start (this is ${process.version}); it installs the Node it runs on.`,
  );
  process.exit(1);
}

const stamp = path.join(root, 'node_modules', '.atesto-installed');
const manifests = [
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'package.json',
  'packages/shared/package.json',
  'packages/gateway/package.json',
  'packages/workers/package.json',
  'packages/device-bridge/package.json',
  'test/simulators/package.json',
];
const wanted = createHash('sha256')
  .update(manifests.map((file) => readFileSync(path.join(root, file))).join('\0'))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  console.error(`Installing dependencies with ${packageManager} (once; nothing but the package registry is needed)…`);
  const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
  const install = spawnSync(npx, ['-y', packageManager, 'install', '--frozen-lockfile', '--reporter=append-only'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (install.status !== 0) {
    console.error('The installation failed: see above. It needs the npm registry and about 700 MB of disk.');
    process.exit(install.status ?? 1);
  }
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

const pinned = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
const node = existsSync(pinned) ? pinned : process.execPath;
const major = Number(spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout?.split('.')[0]);
if (!(major >= 24)) {
  console.error(
    `No Node 24 package exists for ${process.platform}-${process.arch}: install Node 24 and run this again with it.`,
  );
  process.exit(1);
}
const child = spawn(node, [path.join(root, script), ...args], { cwd: root, stdio: 'inherit' });
// The terminal sends Ctrl-C to both; the child decides when it has cleaned up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
