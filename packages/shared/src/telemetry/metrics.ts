import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { isRouteTemplate } from './log-fields.ts';

/**
 * The values that a label may take: a closed list, or `routes` for route templates, of which the first 100 count
 * apart. A value outside is counted as `other` where the list has it, else dropped and counted as dropped: no person,
 * id or text can become a series.
 */
export type LabelSet = readonly string[] | 'routes';
export type LabelSets = Readonly<Record<string, LabelSet>>;
export type Labels<Sets extends LabelSets> = {
  [Name in keyof Sets]: Sets[Name] extends readonly (infer Value)[] ? Value : string;
};

export interface CounterHandle<Sets extends LabelSets> {
  /** Never throws. @param by 1 by default */
  add(labels: Labels<Sets>, by?: number): void;
}
export interface HistogramHandle<Sets extends LabelSets> {
  /** Never throws. */
  observe(labels: Labels<Sets>, value: number): void;
}
export interface GaugeHandle<Sets extends LabelSets> {
  /** Never throws. */
  set(labels: Labels<Sets>, value: number): void;
}

export interface Definition<Sets extends LabelSets> {
  /** Without the prefix; base units, `_total` for counters. */
  name: string;
  help: string;
  labels: Sets;
}

/** What a collect callback gives: a value for each combination of labels that exists now. */
export type Samples<Sets extends LabelSets> = Iterable<readonly [Labels<Sets>, number]>;

export interface Metrics {
  /** All combinations of closed labels exist from the start at 0, or `rate()` misses the first error. */
  counter<const Sets extends LabelSets>(definition: Definition<Sets>): CounterHandle<Sets>;
  /** The same. */
  histogram<const Sets extends LabelSets>(
    definition: Definition<Sets> & { buckets: readonly number[] },
  ): HistogramHandle<Sets>;
  gauge<const Sets extends LabelSets>(definition: Definition<Sets>): GaugeHandle<Sets>;
  /**
   * A gauge that is asked for when it is scraped. One that fails or takes longer than 0.8 seconds gives no samples,
   * counts as a failed collection, and holds nobody up.
   */
  collected<const Sets extends LabelSets>(
    definition: Definition<Sets>,
    collect: () => Samples<Sets> | Promise<Samples<Sets>>,
  ): void;
  /** The text of a scrape. Never rejects. */
  expose(): Promise<{ contentType: string; body: string }>;
}

export const PREFIX = 'atesto_';
const MAX_ROUTES = 100;
const COLLECT_MS = 800;
/** Gauges that end in `_total`, which `promtool check metrics` refuses; the same numbers exist by resource type. */
const ILL_NAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** The metrics of one process, in a registry of its own. */
export function createMetrics({ service, version }: { service: string; version: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of ILL_NAMED) registry.removeSingleMetric(name);

  const registers = [registry];
  const dropped = new Counter({
    name: `${PREFIX}metrics_dropped_total`,
    help: 'Observations that had a label value outside its set, or no finite value.',
    labelNames: ['metric'],
    registers,
  });
  const failed = new Counter({
    name: `${PREFIX}metrics_collect_failures_total`,
    help: 'Gauges that could not be collected at a scrape.',
    labelNames: ['metric'],
    registers,
  });
  const safely = (metric: string, work: () => boolean): void => {
    try {
      if (work()) return;
      dropped.inc({ metric });
    } catch {
      // Counting is never a reason to fail.
    }
  };

  const metrics: Metrics = {
    counter({ name, help, labels }) {
      const full = PREFIX + name;
      const counter = new Counter({ name: full, help, labelNames: Object.keys(labels), registers });
      const checked = labelCheck(labels);
      dropped.inc({ metric: full }, 0);
      for (const combination of combinations(labels)) counter.inc(combination, 0);
      return {
        add: (given, by = 1) =>
          safely(full, () => {
            const values = checked(given);
            if (values === undefined || !(by >= 0 && Number.isFinite(by))) return false;
            counter.inc(values, by);
            return true;
          }),
      };
    },
    histogram({ name, help, labels, buckets }) {
      const full = PREFIX + name;
      const names = Object.keys(labels);
      const histogram = new Histogram({ name: full, help, labelNames: names, buckets: [...buckets], registers });
      const checked = labelCheck(labels);
      dropped.inc({ metric: full }, 0);
      for (const combination of combinations(labels)) histogram.zero(combination);
      return {
        observe: (given, value) =>
          safely(full, () => {
            const values = checked(given);
            if (values === undefined || !Number.isFinite(value)) return false;
            histogram.observe(values, value);
            return true;
          }),
      };
    },
    gauge({ name, help, labels }) {
      const full = PREFIX + name;
      const gauge = new Gauge({ name: full, help, labelNames: Object.keys(labels), registers });
      const checked = labelCheck(labels);
      dropped.inc({ metric: full }, 0);
      for (const combination of combinations(labels)) gauge.set(combination, 0);
      return {
        set: (given, value) =>
          safely(full, () => {
            const values = checked(given);
            if (values === undefined || !Number.isFinite(value)) return false;
            gauge.set(values, value);
            return true;
          }),
      };
    },
    collected({ name, help, labels }, collect) {
      const full = PREFIX + name;
      const checked = labelCheck(labels);
      dropped.inc({ metric: full }, 0);
      failed.inc({ metric: full }, 0);
      new Gauge({
        name: full,
        help,
        labelNames: Object.keys(labels),
        registers,
        async collect() {
          this.reset();
          try {
            for (const [given, value] of await withinTime(collect)) {
              const values = checked(given);
              if (values === undefined || !Number.isFinite(value)) dropped.inc({ metric: full });
              else this.set(values, value);
            }
          } catch {
            failed.inc({ metric: full });
          }
        },
      });
    },
    async expose() {
      try {
        return { contentType: registry.contentType, body: await registry.metrics() };
      } catch {
        return { contentType: registry.contentType, body: `# ${PREFIX}metrics could not be collected\n` };
      }
    },
  };
  metrics
    .gauge({
      name: 'build_info',
      help: 'What runs here; always 1.',
      labels: { service: [service], version: [version], node: [process.version] },
    })
    .set({ service, version, node: process.version }, 1);
  return metrics;
}

/** The labels as prom-client takes them, or undefined when one is outside its set. */
function labelCheck<Sets extends LabelSets>(sets: Sets): (given: Labels<Sets>) => Record<string, string> | undefined {
  const routes = new Set<string>();
  const entries = Object.entries(sets).map(([name, set]) => [name, set === 'routes' ? set : new Set(set)] as const);
  return (given) => {
    const values: Record<string, string> = {};
    for (const [name, set] of entries) {
      const value = (given as Record<string, unknown>)[name];
      if (typeof value !== 'string') return undefined;
      if (set === 'routes') {
        const known = routes.has(value) || (routes.size < MAX_ROUTES && isRouteTemplate(value));
        if (known) routes.add(value);
        values[name] = known ? value : 'other';
      } else if (set.has(value)) values[name] = value;
      else if (set.has('other')) values[name] = 'other';
      else return undefined;
    }
    return values;
  };
}

/** Every combination of closed sets; none where a label is not closed. */
function combinations(sets: LabelSets): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [name, set] of Object.entries(sets)) {
    if (set === 'routes') return [];
    all = all.flatMap((one) => set.map((value) => ({ ...one, [name]: value })));
  }
  return all;
}

async function withinTime<T>(work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('too slow')), COLLECT_MS);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
