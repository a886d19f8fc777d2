import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Everything that has to hold before a commit: formatting and lint, types, the rooms' walls, unused code, and all tests. Ends with the line
 * `N passed, N failed`, in which each check counts as one. Arguments go to the test runner, for a part of the tests.
 */

const bin = (name: string) => path.join(import.meta.dirname, '..', 'node_modules', '.bin', name);

const checks: [name: string, command: string, args: string[]][] = [
  ['format and lint', 'biome', ['ci', '--error-on-warnings', '.']],
  ['types', 'tsc', ['-p', '.']],
  ['walls between the rooms', 'depcruise', ['--config', '.dependency-cruiser.cjs', 'packages', 'test', 'scripts']],
  ['unused code', 'knip', ['--no-config-hints']],
];

let passed = 0;
let failed = 0;
const count = (ok: boolean) => (ok ? passed++ : failed++);

for (const [name, command, args] of checks) {
  const result = spawnSync(bin(command), args, { encoding: 'utf8', maxBuffer: 64 << 20 });
  const ok = result.status === 0;
  count(ok);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`);
  if (!ok) console.log(`${result.stdout}\n${result.stderr}`);
}

const scratch = mkdtempSync(path.join(tmpdir(), 'atesto-test-'));
const report = path.join(scratch, 'vitest.json');
const run = spawnSync(
  bin('vitest'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
let skipped = 0;
try {
  const totals = JSON.parse(readFileSync(report, 'utf8'));
  passed += totals.numPassedTests;
  failed += totals.numFailedTests;
  skipped = totals.numPendingTests + totals.numTodoTests;
  // A file that breaks before its first test, or an error outside any test, has no test to count.
  if (run.status !== 0 && totals.numFailedTests === 0) failed += Math.max(1, totals.numFailedTestSuites);
} catch {
  console.log('The test runner ended without a report.');
  failed++;
}
rmSync(scratch, { recursive: true, force: true });

if (skipped > 0) console.log(`${skipped} skipped: each printed why`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
