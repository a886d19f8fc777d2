/** `npm run bench`: what the house costs beside the least that could be done and beside what is done first. See docs/performance.md. */
import { mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { openProcesses } from '../stack/processes.ts';
import { type Options, type Part, readOptions, usage } from './options.ts';
import { describeMachine } from './processor.ts';
import { programs } from './programs.ts';
import type { Measured } from './rows.ts';
import { describeRows } from './rows-report.ts';
import { makeRunFolder } from './run-folder.ts';

/**
 * They make files, and ext4 without a journal looks for minutes at each inode that was freed before it takes a new one: the gateway took two thirds more of the
 * processor after a part whose files had just been removed. So they come first, and nothing is removed before the last of them is over.
 */
const FILE_MAKERS: readonly Part[] = ['submit', 'end-to-end', 'added', 'intake'];

async function bench(options: Options, dir: string): Promise<void> {
  const report = (line: string) => console.error(`  · ${line}`);
  const processes = openProcesses({ logDir: path.join(dir, 'logs'), endWithUs: true });
  try {
    console.log(`Machine: ${describeMachine()}`);
    console.log(
      `Versions: Node ${process.versions.node}, ${['undici', 'bullmq', 'ioredis', 'pg'].map(version).join(', ')}`,
    );
    console.log(`Command: npm run bench -- ${process.argv.slice(2).join(' ')}`.trimEnd());
    console.log(`Date: ${new Date().toISOString().slice(0, 10)}`);
    const measured: Measured[] = [];
    const failed: string[] = [];
    const over: string[] = [];
    for (const part of options.parts) {
      const own = path.join(dir, part);
      if (!FILE_MAKERS.includes(part)) {
        // Gigabytes, with several parts.
        for (const folder of over.splice(0)) await rm(folder, { recursive: true, force: true });
      }
      try {
        await mkdir(own);
        const { text, rows = [] } = await programs[part]({ ...options, dir: own, processes, report });
        console.log(`\n${text}`);
        measured.push(...rows);
        over.push(own);
      } catch (error) {
        // The others took their time: what they found is told.
        failed.push(part);
        report(`${part}: ${error instanceof Error ? error.message : String(error)}`);
      }
      // What comes next is measured on an idle machine.
      await processes.stopAll();
    }
    if (measured.length > 0) console.log(`\n${describeRows(measured)}`);
    if (failed.length > 0) throw new Error(`not measured: ${failed.join(', ')}`);
  } finally {
    await processes.stopAll();
  }
  // After a failure the logs stay.
  await rm(dir, { recursive: true, force: true });
}

function version(name: string): string {
  return `${name} ${createRequire(import.meta.url)(`${name}/package.json`).version}`;
}

let options: Options | undefined;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
if (!options) {
  console.log(usage);
  process.exit(0);
}
try {
  await bench(options, await makeRunFolder());
  process.exit(0);
} catch (error) {
  console.error(`The bench could not be finished: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
