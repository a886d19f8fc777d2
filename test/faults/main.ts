import { startPostgres } from '../stack/postgres.ts';
import { endOnSignals } from '../stack/processes.ts';
import { checkHistory, type Violation } from './history.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { type Backend, NotHere, openScene } from './scene.ts';

/**
 * `npm run faults`: every scenario, or those whose names are given, one after the other on the real processes. `FAULTS_SEED` repeats a run's
 * people. The last line counts runs, a scenario on two backends as two.
 */
const TIME_LIMIT_MS = 120_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);
// At once: whatever a scenario left open must not keep a program that has said its last line.
process.exit(await main(process.argv.slice(2)));

async function main(names: readonly string[]): Promise<number> {
  const there = `There are:\n  ${scenarios.map(({ name }) => name).join('\n  ')}`;
  if (names.some((name) => name === '--help' || name === '-h')) {
    say(`Usage: npm run faults -- [scenario ...]\nWithout a name all of them. ${there}`);
    return 0;
  }
  const unknown = names.filter((name) => !scenarios.some((one) => one.name === name));
  if (unknown.length > 0) {
    say(`No scenario ${unknown.join(', ')}. ${there}`);
    return 2;
  }
  const seed = process.env.FAULTS_SEED ?? String(Date.now());
  // Commits are on disk, as in production: what is proved here is that nothing is lost.
  const postgres = await startPostgres({ fsync: true });
  process.env.ATESTO_TEST_POSTGRES_URL = postgres.url;
  const total = { runs: 0, passed: 0, lost: 0, duplicated: 0 };
  let open = new AsyncDisposableStack();
  let stopped = false;
  endOnSignals(async () => {
    stopped = true;
    await open.disposeAsync().catch(() => undefined);
    await postgres.stop();
  });
  try {
    for (const scenario of scenarios.filter(({ name }) => names.length === 0 || names.includes(name))) {
      for (const backend of scenario.backends) {
        if (stopped) return 1;
        open = new AsyncDisposableStack();
        const violations = await run(scenario, backend, seed, open);
        if (violations === 'not here') continue;
        total.runs++;
        if (violations.length === 0) total.passed++;
        total.lost += violations.filter(({ invariant }) => invariant === 'I1').length;
        total.duplicated += violations.filter(({ invariant }) => invariant === 'I2').length;
      }
    }
  } finally {
    await postgres.stop();
  }
  const { runs, passed, lost, duplicated } = total;
  say(`faults: ${runs} scenarios, ${passed} passed, ${runs - passed} failed, ${lost} lost, ${duplicated} duplicated`);
  // Where none could be tried, nothing was proved.
  return passed === runs && runs > 0 ? 0 : 1;
}

type Found = Violation | { invariant: 'run' };

async function run(
  scenario: Scenario,
  backend: Backend,
  seed: string,
  open: AsyncDisposableStack,
): Promise<Found[] | 'not here'> {
  const started = performance.now();
  const label = `${scenario.name} [${backend}] seed ${seed}`;
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  try {
    try {
      const scene = await openScene(backend, `${seed} ${scenario.name}`, scenario.scene ?? {}, open);
      const history = await within(TIME_LIMIT_MS, async () => {
        await scenario.run(scene);
        return scene.finish();
      });
      const violations = checkHistory(history, scenario.volume);
      const acknowledged = new Set(history.client.flatMap(({ id, step }) => (step === 'ok' ? [id] : []))).size;
      const unknown = history.client.filter(({ step }) => step === 'unknown').length;
      say(
        `${violations.length === 0 ? 'ok  ' : 'FAIL'} ${label}: ${acknowledged} acknowledged, ${unknown} unanswered and asked again, ` +
          `${history.wire.length} calls for ${history.held.length} effects, fault met ${history.met}, ${seconds()}`,
      );
      for (const { invariant, what } of violations) say(`     ${invariant} ${what}`);
      return violations;
    } finally {
      await open.disposeAsync();
    }
  } catch (error) {
    if (error instanceof NotHere) {
      say(`--   ${label}: not tried, ${error.message}`);
      return 'not here';
    }
    say(`FAIL ${label}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}, ${seconds()}`);
    return [{ invariant: 'run' }];
  }
}

async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not over after ${ms} ms`)), ms);
  return Promise.race([work(), promise]).finally(() => clearTimeout(timer));
}
