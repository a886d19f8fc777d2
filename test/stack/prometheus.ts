import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { call } from './call.ts';
import { attachLifeline } from './lifeline.ts';
import { freePort } from './ports.ts';
import { findProgram, installProgram } from './programs.ts';
import { StackError } from './stack-error.ts';
import { waitFor } from './wait-for.ts';

/** What is scraped, every second. */
export interface ScrapeTarget {
  job: string;
  /** `host:port` */
  address: string;
  /** Bearer. */
  key?: string;
}

/** A series of an answer, with its values over time; NaN where there is none. */
export interface Series {
  metric: Readonly<Record<string, string>>;
  values: number[];
}

export interface Prometheus {
  /** A range query over the last minute, with a step of a second. @throws StackError where Prometheus refuses it */
  query(expression: string): Promise<Series[]>;
  /** The names of the alerts that fire. */
  firing(): Promise<string[]>;
  stop(): Promise<void>;
}

/** The program `prometheus` or `promtool` of this machine; as root on Debian it is installed where it is missing, else undefined. */
export async function findPrometheus(name: 'prometheus' | 'promtool'): Promise<string | undefined> {
  return findProgram([name]) ?? (await installProgram('prometheus', [name], (line) => console.error(line)));
}

/**
 * Starts `program` on a free loopback port; its data goes when it ends.
 * @param rules a file of alerting rules as text, evaluated every second
 * @throws StackError `failed` when it does not start
 */
export async function startPrometheus(
  program: string,
  targets: readonly ScrapeTarget[],
  rules?: string,
): Promise<Prometheus> {
  const dir = await mkdtemp(path.join(tmpdir(), 'atesto-prometheus-'));
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    ...(rules !== undefined && { rule_files: ['rules.yml'] }),
    scrape_configs: targets.map(({ job, address, key }) => ({
      job_name: job,
      static_configs: [{ targets: [address] }],
      ...(key === undefined ? {} : { authorization: { credentials: key } }),
    })),
  };
  // JSON is YAML.
  await writeFile(path.join(dir, 'prometheus.yml'), JSON.stringify(configuration), { mode: 0o600 });
  if (rules !== undefined) await writeFile(path.join(dir, 'rules.yml'), rules);
  const address = `127.0.0.1:${await freePort()}`;
  const log = path.join(dir, 'prometheus.log');
  const output = openSync(log, 'a', 0o600);
  const args = [
    `--config.file=${dir}/prometheus.yml`,
    `--storage.tsdb.path=${dir}/data`,
    `--web.listen-address=${address}`,
  ];
  const child = spawn(program, args, { stdio: ['ignore', output, output], detached: process.platform !== 'win32' });
  const ended = once(child, 'exit');
  const lifeline = attachLifeline({ pid: child.pid as number, signal: 'TERM', removeAfter: dir });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    lifeline.release();
    await rm(dir, { recursive: true, force: true });
  };
  const isReady = () =>
    call('GET', `http://${address}/-/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await waitFor(async () => child.exitCode !== null || isReady(), { what: 'Prometheus ready' });
  if (child.exitCode !== null) {
    const tail = (await readFile(log, 'utf8')).slice(-2_000);
    await stop();
    throw new StackError('failed', `${program} did not start: ${tail}`);
  }
  return {
    async query(expression) {
      const end = Date.now() / 1_000;
      const search = new URLSearchParams({ query: expression, start: String(end - 60), end: String(end), step: '1' });
      const { status, body } = await call('GET', `http://${address}/api/v1/query_range?${search}`);
      if (status !== 200) throw new StackError('failed', `Prometheus refuses ${expression}: ${body}`);
      const { data } = JSON.parse(body.toString()) as {
        data: { result: { metric: Series['metric']; values: [number, string][] }[] };
      };
      return data.result.map(({ metric, values }) => ({ metric, values: values.map(([, value]) => Number(value)) }));
    },
    async firing() {
      const { status, body } = await call('GET', `http://${address}/api/v1/alerts`);
      if (status !== 200) throw new StackError('failed', `Prometheus does not tell its alerts: ${body}`);
      const { data } = JSON.parse(body.toString()) as {
        data: { alerts: { state: string; labels: { alertname: string } }[] };
      };
      const firing = data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
      return [...new Set(firing)].toSorted();
    },
    stop,
  };
}
