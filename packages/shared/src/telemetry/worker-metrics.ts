import { END_TO_END_SECONDS, REQUEST_SECONDS } from './buckets.ts';
import type { Metrics } from './metrics.ts';
import { createVaultObserver } from './vault-metrics.ts';

/** What became of a call to a platform: the `kind` of the upstream port's results. */
export const upstreamOutcomes = [
  'answered',
  'taken',
  'ok',
  'not-found',
  'refused',
  'unavailable',
  'throttled',
  'unknown',
  'voided',
  'other',
] as const;
/** What became of a job. `done` may mean that its moment had passed and nothing was left to do. */
const jobOutcomes = ['done', 'failed'] as const;

export type UpstreamOutcome = (typeof upstreamOutcomes)[number];
export type JobOutcome = (typeof jobOutcomes)[number];

export interface WorkerSets {
  /** Of transactions. */
  kinds: readonly string[];
  /** Of the transaction machine. */
  states: readonly string[];
  /** Types of the machine's events. */
  events: readonly string[];
  /** `submit`, `poll`, `reconcile`, `sweep` … */
  jobs: readonly string[];
  queues: readonly string[];
  /** `spid`, `idcloud`. */
  upstreams: readonly string[];
  /** Of the upstreams' operation tables; others count as `other`. */
  operations: readonly string[];
}

/** Labels are checked when they are counted: what is in none of the sets is counted as dropped and becomes no series. */
export interface WorkerMetrics {
  upstreamRequest(done: { upstream: string; operation: string; outcome: UpstreamOutcome; seconds: number }): void;
  /** A change of state that was committed. */
  transition(event: string): void;
  job(done: { job: string; outcome: JobOutcome; seconds: number }): void;
  /** From acceptance to the outcome. */
  concluded(kind: string, seconds: number): void;
  /** A word of a platform that nobody knows: kept, never taken for success, and to be looked at. */
  unknownWord(upstream: string): void;
  /** The platform failed at a transaction every time: whoever waited went another way. */
  contingency(upstream: string): void;
  /** How many transactions stand in each state. Asked for at a scrape, so give it to one process. */
  ledgerStates(collect: () => Promise<Partial<Record<string, number>>>): void;
  /** How long the most overdue transaction has been due: what an alert watches. */
  overdueSeconds(collect: () => Promise<number>): void;
  /** Jobs in line by queue, and by BullMQ's states. */
  queueJobs(collect: () => Promise<Iterable<{ queue: string; state: string; count: number }>>): void;
  vault: ReturnType<typeof createVaultObserver>;
  expose: Metrics['expose'];
}

const queueStates = ['waiting', 'prioritized', 'active', 'delayed', 'failed'] as const;

export function createWorkerMetrics(metrics: Metrics, sets: WorkerSets): WorkerMetrics {
  const { kinds, states, events, jobs, queues, upstreams } = sets;
  const operations = [...new Set([...sets.operations, 'other'])];
  const requests = metrics.counter({
    name: 'upstream_requests_total',
    help: 'Calls to a platform.',
    labels: { upstream: upstreams, operation: operations, outcome: upstreamOutcomes },
  });
  const requestSeconds = metrics.histogram({
    name: 'upstream_request_duration_seconds',
    help: 'Time that a call to a platform took.',
    labels: { upstream: upstreams, operation: operations },
    buckets: REQUEST_SECONDS,
  });
  const transitions = metrics.counter({
    name: 'transitions_total',
    help: 'Committed changes of transactions, by event.',
    labels: { event: events },
  });
  const finished = metrics.counter({
    name: 'jobs_total',
    help: 'Jobs by what became of them.',
    labels: { job: jobs, outcome: jobOutcomes },
  });
  const jobSeconds = metrics.histogram({
    name: 'job_duration_seconds',
    help: 'Time that a job took.',
    labels: { job: jobs, outcome: jobOutcomes },
    buckets: REQUEST_SECONDS,
  });
  const endToEnd = metrics.histogram({
    name: 'end_to_end_seconds',
    help: 'From acceptance to the outcome.',
    labels: { kind: kinds },
    buckets: END_TO_END_SECONDS,
  });
  const unknownWords = metrics.counter({
    name: 'upstream_unknown_words_total',
    help: 'Answers with a status that nobody knows.',
    labels: { upstream: upstreams },
  });
  const contingencies = metrics.counter({
    name: 'contingencies_total',
    help: 'Transactions that a platform failed at every time.',
    labels: { upstream: upstreams },
  });
  return {
    upstreamRequest: ({ upstream, operation, outcome, seconds }) => {
      requests.add({ upstream, operation, outcome });
      requestSeconds.observe({ upstream, operation }, seconds);
    },
    transition: (event) => transitions.add({ event }),
    job: ({ job, outcome, seconds }) => {
      finished.add({ job, outcome });
      jobSeconds.observe({ job, outcome }, seconds);
    },
    concluded: (kind, seconds) => endToEnd.observe({ kind }, seconds),
    unknownWord: (upstream) => unknownWords.add({ upstream }),
    contingency: (upstream) => contingencies.add({ upstream }),
    ledgerStates: (collect) =>
      metrics.collected(
        { name: 'transactions', help: 'Transactions in each state.', labels: { state: states } },
        async () => byState(states, await collect()),
      ),
    overdueSeconds: (collect) =>
      metrics.collected(
        {
          name: 'transactions_overdue_seconds',
          help: 'Since when the most overdue transaction has been due.',
          labels: {},
        },
        async () => [[{}, await collect()] as const],
      ),
    queueJobs: (collect) =>
      metrics.collected(
        { name: 'queue_jobs', help: 'Jobs in line.', labels: { queue: queues, state: queueStates } },
        // States of flows, which nobody uses here, have no series.
        async () =>
          [...(await collect())]
            .filter(({ state }) => (queueStates as readonly string[]).includes(state))
            .map(
              ({ queue, state, count }) => [{ queue, state: state as (typeof queueStates)[number] }, count] as const,
            ),
      ),
    vault: createVaultObserver(metrics),
    expose: metrics.expose,
  };
}

/** A state that nobody is in counts 0: a series that comes and goes cannot be alerted on. */
function byState(states: readonly string[], found: Partial<Record<string, number>>) {
  return states.map((state) => [{ state }, found[state] ?? 0] as const);
}
