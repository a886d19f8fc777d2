import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { buildFlowDashboard, queriesOf } from '../../scripts/flow-dashboard.ts';
import { deliver, enrolmentsOf } from '../faults/enrolments.fixture.ts';
import { OPERATOR } from '../faults/fault-house.fixture.ts';
import { type House, openHouse } from '../stack/house.ts';
import { openPlatform } from '../stack/platform.ts';
import { openProcesses } from '../stack/processes.ts';
import { findPrometheus, startPrometheus } from '../stack/prometheus.ts';
import { skipBecause } from '../stack/skip.ts';
import { waitFor } from '../stack/wait-for.ts';

const run = promisify(execFile);
const deploy = path.resolve(import.meta.dirname, '../../deploy');
const MISSING = 'no Prometheus on this machine (Debian: apt-get install -y --no-install-recommends prometheus)';

/** What has no number in a run where all goes well: nobody was asked of these accounts, so there is nothing to divide. */
const NO_NUMBER = ['idcloud-idcloud'];

const PEOPLE = 3;

/** A system has people enrolled. The platform refuses the first of them. */
async function liveALittle(house: House): Promise<void> {
  const { key } = await house.api<{ key: string }>(house.administratorKey ?? '', 'POST', '/v1/keys', { name: 'bank' });
  const next = enrolmentsOf('monitoring');
  const door = { gateway: house.gateway, key };
  const platform = openPlatform(house.spid.url);
  await platform.registerOperator(OPERATOR);
  await platform.misbehave({ operation: 'enroll', fault: { type: 'status', status: 422 }, times: 1 });
  const refused = await deliver(door, next(), 20);
  expect(JSON.parse(refused.text ?? '').state).toBe('dead');
  for (let number = 0; number < PEOPLE; number++) expect((await deliver(door, next())).acknowledged).toBe(true);
}

describe('the dashboard "flow"', () => {
  it('is what the program says (UPDATE_DOCS=1 rewrites it)', async () => {
    const location = path.join(deploy, 'grafana/flow.json');
    const expected = JSON.stringify(buildFlowDashboard());
    if (process.env.UPDATE_DOCS) {
      await writeFile(location, expected);
      await run('node_modules/.bin/biome', ['format', '--write', location]);
    }
    // Without what a formatter adds.
    expect(JSON.parse(await readFile(location, 'utf8'))).toEqual(JSON.parse(expected));
  });

  it('shows a real run, in each of its panels', { timeout: 300_000 }, async (context) => {
    const program = (await findPrometheus('prometheus')) ?? skipBecause(context, MISSING);
    const dir = await mkdtemp(path.join(tmpdir(), 'atesto-monitoring-'));
    const processes = openProcesses({ logDir: path.join(dir, 'logs') });
    try {
      const house = await openHouse({ dir, processes, enrollDelayMs: 500 });
      const prometheus = await startPrometheus(program, [
        { job: 'gateway', address: new URL(house.gateway.url).host, key: house.administratorKey ?? '' },
        { job: 'workers', address: `127.0.0.1:${house.workers.record.port}` },
      ]);
      processes.onStop(() => prometheus.stop());
      // Both are seen before anything happens: a rate needs a value from before.
      const build = async () => (await prometheus.query('atesto_build_info')).length;
      await waitFor(async () => (await build()) === 2, { what: 'a scrape of both' });
      await liveALittle(house);
      const concluded = 'sum(atesto_end_to_end_seconds_count)';
      // What stands where is asked for at most every five seconds.
      const states = 'sum(atesto_transactions) == 1 and sum(atesto_transactions{state="dead"}) == 1';
      const last = async (expression: string) => (await prometheus.query(expression))[0]?.values.at(-1);
      const seen = async () => (await last(concluded)) === PEOPLE && (await last(states)) === 1;
      await waitFor(seen, { what: 'a scrape of all that happened', everyMs: 200 });

      const queries = queriesOf(buildFlowDashboard());
      expect(queries.length).toBeGreaterThan(20);
      for (const { title, expr, legend } of queries) {
        const series = await prometheus.query(expr.replaceAll('$__rate_interval', '30s'));
        expect(series, title).not.toEqual([]);
        for (const { metric } of series) {
          for (const [, label] of legend.matchAll(/\{\{(\w+)\}\}/g))
            expect(metric, title).toHaveProperty(label as string);
        }
        const finite = series.filter(({ values }) => values.some(Number.isFinite));
        expect(finite, `${title}: ${expr}`).not.toEqual([]);
      }
      // What alerts look at is there, and the docs list what is there.
      const named = (await prometheus.query('{__name__=~"atesto_.+"}')).map(({ metric }) => metric.__name__ ?? '');
      const names = [...new Set(named.map((name) => name.replace(/^atesto_|_(bucket|sum|count)$/g, '')))];
      const rules = await readFile(path.join(deploy, 'prometheus/atesto.rules.yml'), 'utf8');
      expect(names).toEqual(expect.arrayContaining([...rules.matchAll(/atesto_(\w+)/g)].map(([, name]) => name)));
      const page = await readFile(path.join(deploy, '../docs/operations.md'), 'utf8');
      const listed = [...page.matchAll(/^\| `(\w+)` +\| (?:counter|gauge|histogram)/gm)].map(([, name]) => name);
      expect(listed.toSorted()).toEqual(names.toSorted());
      // A few numbers that are known, so that panels show what happened and not only something.
      const latest = async (title: string) => {
        const expr = queries.find((query) => query.title === title)?.expr ?? '';
        const series = await prometheus.query(expr.replaceAll('$__rate_interval', '30s'));
        return Object.fromEntries(series.map(({ metric, values }) => [Object.values(metric).join(' '), values.at(-1)]));
      };
      expect(await latest('In flight, by state')).toEqual({
        accepted: 0,
        submitting: 0,
        awaiting: 0,
        retrying: 0,
        unknown: 0,
        dead: 1,
      });
      const polls = await latest('Polls for each conclusion');
      expect(polls.spid).toBeGreaterThanOrEqual(1);
      expect(Object.keys(polls).filter((name) => Number.isNaN(polls[name]))).toEqual(NO_NUMBER);
      expect((await latest('Request budget of each account'))['idcloud-idcloud']).toBeCloseTo(9.3);
    } finally {
      await processes.stopAll();
      await rm(dir, { recursive: true, force: true });
    }
  });
});

it.for([
  ['check', 'config', '--syntax-only', 'prometheus.yml'],
  ['check', 'rules', '--lint=all', 'prometheus/atesto.rules.yml'],
  ['test', 'rules', 'prometheus/atesto.rules.test.yml'],
])('promtool %s %s', { timeout: 300_000 }, async (args, context) => {
  const promtool = (await findPrometheus('promtool')) ?? skipBecause(context, MISSING);
  const { stdout, stderr } = await run(promtool, args, { cwd: deploy });
  expect(`${stdout}${stderr}`).toMatch(/SUCCESS/);
});
