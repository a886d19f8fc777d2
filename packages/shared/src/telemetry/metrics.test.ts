import { describe, expect, it } from 'vitest';
import { createGatewayMetrics } from './gateway-metrics.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

const CPF = '52998224725';

const create = () => createMetrics({ service: 'gateway', version: '0.1.0' });
const textOf = async (metrics: Pick<Metrics, 'expose'>) => (await metrics.expose()).body;
const linesOf = (text: string, name: string) => text.split('\n').filter((line) => line.startsWith(`atesto_${name}`));

describe('createMetrics', () => {
  it('has the process metrics without the ill-named ones, and says what runs', async () => {
    const { contentType, body } = await create().expose();
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toContain('nodejs_eventloop_lag_p99_seconds');
    const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    for (const [, name, type] of types) expect(name?.endsWith('_total'), name).toBe(type === 'counter');
    expect(linesOf(body, 'build_info')).toEqual([
      `atesto_build_info{service="gateway",version="0.1.0",node="${process.version}"} 1`,
    ]);
  });

  it('keeps registries apart', async () => {
    const [one, other] = [create(), create()];
    one.counter({ name: 'x_total', help: 'x', labels: {} }).add({}, 3);
    other.counter({ name: 'x_total', help: 'x', labels: {} });
    expect(linesOf(await textOf(one), 'x_total')).toEqual(['atesto_x_total 3']);
    expect(linesOf(await textOf(other), 'x_total')).toEqual(['atesto_x_total 0']);
  });

  it('has every series of a closed set from the start', async () => {
    const metrics = create();
    metrics.counter({ name: 'c_total', help: 'c', labels: { a: ['x', 'y'], b: ['1', '2'] } }).add({ a: 'x', b: '2' });
    expect(linesOf(await textOf(metrics), 'c_total')).toEqual([
      'atesto_c_total{a="x",b="1"} 0',
      'atesto_c_total{a="x",b="2"} 1',
      'atesto_c_total{a="y",b="1"} 0',
      'atesto_c_total{a="y",b="2"} 0',
    ]);
  });

  it('never makes a series of a value that is in no set, and never throws', async () => {
    const metrics = create();
    const labels = { a: ['x'] } as const;
    const counter = metrics.counter({ name: 'c_total', help: 'c', labels });
    const gauge = metrics.gauge({ name: 'g', help: 'g', labels });
    const histogram = metrics.histogram({ name: 'h_seconds', help: 'h', labels, buckets: [1] });
    for (const odd of [{ a: CPF }, { a: undefined }, {}, { a: { toString: () => CPF } }, null, undefined] as never[]) {
      counter.add(odd);
      gauge.set(odd, 1);
      histogram.observe(odd, 1);
    }
    counter.add({ a: 'x' }, -1);
    counter.add({ a: 'x' }, Number.NaN);
    gauge.set({ a: 'x' }, Number.POSITIVE_INFINITY);
    histogram.observe({ a: 'x' }, 'soon' as never);
    const text = await textOf(metrics);
    expect(text).not.toContain(CPF);
    expect(linesOf(text, 'c_total')).toEqual(['atesto_c_total{a="x"} 0']);
    expect(linesOf(text, 'metrics_dropped_total')).toContain('atesto_metrics_dropped_total{metric="atesto_c_total"} 6');
  });

  it('serves the rest when a collection fails or hangs', async () => {
    const metrics = create();
    metrics.collected({ name: 'fails', help: 'f', labels: {} }, () => Promise.reject(new Error(CPF)));
    metrics.collected({ name: 'hangs', help: 'h', labels: {} }, () => new Promise(() => undefined));
    metrics.collected({ name: 'works', help: 'w', labels: { s: ['a', 'b'] } }, () => [
      [{ s: 'a' }, 2],
      [{ s: CPF as 'b' }, 1],
    ]);
    const text = await textOf(metrics);
    expect(linesOf(text, 'works')).toEqual(['atesto_works{s="a"} 2']);
    const again = await textOf(metrics);
    expect(linesOf(again, 'metrics_collect_failures_total')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/metric="atesto_fails"} [12]$/),
        expect.stringMatching(/metric="atesto_hangs"} [12]$/),
        'atesto_metrics_collect_failures_total{metric="atesto_works"} 0',
      ]),
    );
    expect(again).not.toContain(CPF);
  });
});

describe('createGatewayMetrics', () => {
  const sets = { kinds: ['spid.enroll', 'spid.verify'], rejectReasons: ['capture-too-large'] } as const;

  it('counts what the gateway does', async () => {
    const gateway = createGatewayMetrics(create(), sets);
    gateway.request({ method: 'POST', route: '/v1/transactions', status: 201, seconds: 0.02 });
    gateway.request({ method: 'PROPFIND', route: `/verify/${CPF}`, status: 999, seconds: 0.02 });
    gateway.captureAccepted(100_000);
    gateway.captureRejected('capture-too-large');
    gateway.captureRejected(`cpf ${CPF}`);
    gateway.transaction('spid.enroll', 'created');
    gateway.transaction('spid.enroll', 'replayed');
    gateway.stationsConnected(() => 4);
    gateway.vault('put', 'ok', 0.003);
    const text = await textOf(gateway);
    for (const line of [
      'atesto_http_requests_total{method="POST",route="/v1/transactions",status_class="2xx"} 1',
      'atesto_http_requests_total{method="other",route="other",status_class="other"} 1',
      'atesto_http_request_duration_seconds_count{method="POST",route="/v1/transactions",status_class="2xx"} 1',
      'atesto_captures_accepted_total 1',
      'atesto_capture_bytes_count 1',
      'atesto_captures_rejected_total{reason="capture-too-large"} 1',
      'atesto_captures_rejected_total{reason="other"} 1',
      'atesto_transactions_accepted_total{kind="spid.enroll"} 1',
      'atesto_transactions_accepted_total{kind="spid.verify"} 0',
      'atesto_idempotency_total{outcome="created"} 1',
      'atesto_idempotency_total{outcome="replayed"} 1',
      'atesto_stations_connected 4',
      'atesto_vault_operations_total{operation="put",outcome="ok"} 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).not.toContain(CPF);
  });

  it('tells at most a hundred routes apart', async () => {
    const gateway = createGatewayMetrics(create(), sets);
    const name = (n: number) => String.fromCharCode(97 + (n % 26)) + String.fromCharCode(97 + Math.floor(n / 26));
    for (let n = 0; n < 300; n++) gateway.request({ method: 'GET', route: `/${name(n)}`, status: 200, seconds: 0 });
    expect(linesOf(await textOf(gateway), 'http_requests_total')).toHaveLength(101);
  });
});

describe('createWorkerMetrics', () => {
  const emptySets = {
    kinds: [],
    states: [],
    events: [],
    jobs: [],
    queues: [],
    lanes: [],
    upstreams: [],
    operations: [],
  };

  it('counts what the workers do, within its budget of series', async () => {
    const worker = createWorkerMetrics(create(), {
      kinds: ['spid.enroll', 'spid.verify', 'idcloud.process'],
      states: ['accepted', 'awaiting', 'dead'],
      events: ['claimed', 'taken', 'lost'],
      jobs: ['submit', 'poll', 'reconcile'],
      queues: ['spid', 'idcloud'],
      lanes: ['firstSend', 'poll'],
      upstreams: ['spid', 'idcloud'],
      operations: ['enroll', 'verify', 'result', 'createProcess', 'getProcess', 'token'],
    });
    worker.upstreamRequest({ upstream: 'spid', operation: 'enroll', outcome: 'taken', seconds: 0.7 });
    worker.upstreamRequest({ upstream: 'spid', operation: CPF, outcome: 'unknown', seconds: 0.7 });
    worker.transition('taken');
    worker.job({ job: 'submit', outcome: 'done', seconds: 0.8 });
    worker.concluded('spid.enroll', 42);
    worker.unknownWord('spid');
    worker.contingency('spid');
    worker.unspentErased(3);
    worker.sent('spid.enroll', 0.012);
    worker.polled('spid', 'concluded');
    worker.polled('spid', 'waiting');
    worker.standing(async () => [
      { state: 'awaiting', upstream: 'spid', count: 7, oldestSeconds: 90 },
      { state: CPF, upstream: 'spid', count: 1, oldestSeconds: 1 },
    ]);
    worker.laneJobs(async () => [{ queue: 'spid', lane: 'poll', count: 3 }]);
    worker.paces(async () => [{ upstream: 'idcloud', perSecond: 6.5, stoppedSeconds: 0 }]);
    worker.overdueSeconds(async () => 12.5);
    worker.queueJobs(async () => ['waiting', 'paused'].map((state) => ({ queue: 'spid', state, count: 1 })));
    worker.vault('open', 'tampered', 0.001);
    const text = await textOf(worker);
    for (const line of [
      'atesto_upstream_requests_total{upstream="spid",operation="enroll",outcome="taken"} 1',
      'atesto_upstream_requests_total{upstream="spid",operation="other",outcome="unknown"} 1',
      'atesto_transitions_total{event="taken"} 1',
      'atesto_transitions_total{event="lost"} 0',
      'atesto_jobs_total{job="submit",outcome="done"} 1',
      'atesto_end_to_end_seconds_bucket{le="60",kind="spid.enroll"} 1',
      'atesto_end_to_end_seconds_bucket{le="30",kind="spid.enroll"} 0',
      'atesto_upstream_unknown_words_total{upstream="spid"} 1',
      'atesto_contingencies_total{upstream="spid"} 1',
      'atesto_unspent_captures_erased_total 3',
      'atesto_send_wait_seconds_bucket{le="0.025",kind="spid.enroll"} 1',
      'atesto_send_wait_seconds_bucket{le="0.01",kind="spid.enroll"} 0',
      'atesto_send_wait_seconds_count{kind="spid.verify"} 0',
      'atesto_polls_total{upstream="spid",outcome="concluded"} 1',
      'atesto_polls_total{upstream="spid",outcome="waiting"} 1',
      'atesto_transactions{state="awaiting",upstream="spid"} 7',
      'atesto_transactions{state="awaiting",upstream="idcloud"} 0',
      'atesto_transactions{state="dead",upstream="spid"} 0',
      'atesto_transactions_oldest_seconds{state="awaiting",upstream="spid"} 90',
      'atesto_transactions_oldest_seconds{state="accepted",upstream="spid"} 0',
      'atesto_lane_jobs{queue="spid",lane="poll"} 3',
      'atesto_budget_requests_per_second{upstream="idcloud"} 6.5',
      'atesto_budget_stopped_seconds{upstream="idcloud"} 0',
      'atesto_transactions_overdue_seconds 12.5',
      'atesto_queue_jobs{queue="spid",state="waiting"} 1',
      'atesto_vault_operations_total{operation="open",outcome="tampered"} 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).not.toContain(CPF);
    expect(text.split('\n').filter((line) => line && !line.startsWith('#')).length).toBeLessThan(1500);
  });

  it('asks for what costs a statement once, however many scrape, and again after a failure', async () => {
    const worker = createWorkerMetrics(create(), { ...emptySets, states: ['dead'], upstreams: ['spid'] });
    let asked = 0;
    worker.standing(async () => {
      if (++asked === 1) throw new Error('away');
      return [{ state: 'dead', upstream: 'spid', count: 2, oldestSeconds: 5 }];
    });
    expect(linesOf(await textOf(worker), 'transactions{')).toEqual([]);
    const texts = await Promise.all([textOf(worker), textOf(worker)]);
    for (const text of [...texts, await textOf(worker)]) {
      expect(linesOf(text, 'transactions{')).toEqual(['atesto_transactions{state="dead",upstream="spid"} 2']);
    }
    expect(asked).toBe(2);
  });
});
