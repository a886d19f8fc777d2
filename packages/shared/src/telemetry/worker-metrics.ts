import { END_TO_END_SECONDS, REQUEST_SECONDS, WAIT_SECONDS } from './buckets.ts';
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

/** What a poll brought: an event of the machine, or nothing new, no answer included. */
const pollOutcomes = ['concluded', 'progressed', 'voided', 'waiting'] as const;

export type UpstreamOutcome = (typeof upstreamOutcomes)[number];
export type JobOutcome = (typeof jobOutcomes)[number];

/** The transactions of one state and one upstream account. */
export interface StandingTransactions {
  state: string;
  upstream: string;
  count: number;
  /** Age of the oldest, from its acceptance. */
  oldestSeconds: number;
}

/** How an upstream account is paced now. */
export interface AccountPace {
  upstream: string;
  perSecond: number;
  /** How long nothing leaves, after a 429; 0 where it flows. */
  stoppedSeconds: number;
}

/** What is thought of an upstream account. */
export interface UpstreamCircuit {
  upstream: string;
  state: (typeof circuitStates)[number];
  /** Jobs at once that it is thought to bear. */
  limit: number;
}
/** In the order of their numbers. */
const circuitStates = ['closed', 'half-open', 'open'] as const;

export interface WorkerSets {
  /** Of transactions. */
  kinds: readonly string[];
  /** Of the transaction machine, those that something still has to happen to: what is over is never counted over the ledger. */
  states: readonly string[];
  /** Types of the machine's events. */
  events: readonly string[];
  /** `submit`, `poll`, `reconcile`. */
  jobs: readonly string[];
  queues: readonly string[];
  /** Who goes first in a queue. */
  lanes: readonly string[];
  /** `spid`, and `idcloud-` with each account's name: as the queues. */
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
  /** From acceptance to the first send. */
  sent(kind: string, seconds: number): void;
  /** A poll brought this; an event that is none of `pollOutcomes` counts as dropped. */
  polled(upstream: string, outcome: string): void;
  /** From acceptance to the outcome. */
  concluded(kind: string, seconds: number): void;
  /** A word of a platform that nobody knows: kept, never taken for success, and to be looked at. */
  unknownWord(upstream: string): void;
  /** The platform failed at a transaction every time: whoever waited went another way. */
  contingency(upstream: string): void;
  /** Pictures that no transaction took, and whose keys were destroyed for that. */
  unspentErased(count: number): void;
  /** How many transactions stand in each state, and how old the oldest is. Asked for at a scrape, at most every five seconds. */
  standing(collect: () => Promise<readonly StandingTransactions[]>): void;
  /** How long the most overdue transaction has been due: what an alert watches. */
  overdueSeconds(collect: () => Promise<number>): void;
  /** Jobs in line by queue, and by BullMQ's states. */
  queueJobs(collect: () => Promise<Iterable<{ queue: string; state: string; count: number }>>): void;
  /** Jobs that wait, by queue and lane. */
  laneJobs(collect: () => Promise<Iterable<{ queue: string; lane: string; count: number }>>): void;
  /** The request budgets of accounts that have one. Asked for at a scrape, at most every five seconds. */
  paces(collect: () => Promise<readonly AccountPace[]>): void;
  /** The circuit breakers of this process, and how many jobs at once it allows itself. */
  circuits(collect: () => Promise<readonly UpstreamCircuit[]>): void;
  vault: ReturnType<typeof createVaultObserver>;
  expose: Metrics['expose'];
}

/** Two gauges of one scrape, and whoever else scrapes, share what was asked for. */
const COLLECT_EVERY_MS = 5_000;

const queueStates = ['waiting', 'prioritized', 'active', 'delayed', 'failed'] as const;

export function createWorkerMetrics(metrics: Metrics, sets: WorkerSets): WorkerMetrics {
  const { kinds, states, events, jobs, queues, lanes, upstreams } = sets;
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
  const waits = metrics.histogram({
    name: 'send_wait_seconds',
    help: 'From acceptance to the first send.',
    labels: { kind: kinds },
    buckets: WAIT_SECONDS,
  });
  const polls = metrics.counter({
    name: 'polls_total',
    help: 'Polls by what they brought; waiting is nothing new, or no answer.',
    labels: { upstream: upstreams, outcome: pollOutcomes },
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
  const unspent = metrics.counter({
    name: 'unspent_captures_erased_total',
    help: 'Captures erased because no transaction took them.',
    labels: {},
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
    sent: (kind, seconds) => waits.observe({ kind }, seconds),
    polled: (upstream, outcome) => polls.add({ upstream, outcome: outcome as (typeof pollOutcomes)[number] }),
    concluded: (kind, seconds) => endToEnd.observe({ kind }, seconds),
    unknownWord: (upstream) => unknownWords.add({ upstream }),
    contingency: (upstream) => contingencies.add({ upstream }),
    unspentErased: (count) => unspent.add({}, count),
    standing(collect) {
      const labels = { state: states, upstream: upstreams };
      const found = atMostEvery(COLLECT_EVERY_MS, collect);
      // A state that nobody is in counts 0: a series that comes and goes cannot be alerted on.
      const none = states.flatMap((state) => upstreams.map((upstream) => [{ state, upstream }, 0] as const));
      const gauge = (name: string, help: string, read: (one: StandingTransactions) => number) =>
        metrics.collected({ name, help, labels }, async () => [
          ...none,
          ...(await found()).map((one) => [{ state: one.state, upstream: one.upstream }, read(one)] as const),
        ]);
      gauge('transactions', 'Transactions that are not over, by state.', ({ count }) => count);
      gauge('transactions_oldest_seconds', 'Since the oldest of a state was accepted.', (one) => one.oldestSeconds);
    },
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
    laneJobs(collect) {
      const found = atMostEvery(COLLECT_EVERY_MS, collect);
      metrics.collected(
        { name: 'lane_jobs', help: 'Jobs that wait in a lane.', labels: { queue: queues, lane: lanes } },
        async () => [...(await found())].map(({ queue, lane, count }) => [{ queue, lane }, count] as const),
      );
    },
    paces(collect) {
      const labels = { upstream: upstreams };
      const found = atMostEvery(COLLECT_EVERY_MS, collect);
      metrics.collected(
        { name: 'budget_requests_per_second', help: 'The pace at which an account is called now.', labels },
        async () => (await found()).map(({ upstream, perSecond }) => [{ upstream }, perSecond] as const),
      );
      metrics.collected(
        { name: 'budget_stopped_seconds', help: 'How long an account is not called at all, after a 429.', labels },
        async () => (await found()).map(({ upstream, stoppedSeconds }) => [{ upstream }, stoppedSeconds] as const),
      );
    },
    circuits(collect) {
      const labels = { upstream: upstreams };
      metrics.collected(
        { name: 'circuit_state', help: 'Whether an account is called: 0 it is, 1 it is probed, 2 it is not.', labels },
        async () =>
          (await collect()).map(({ upstream, state }) => [{ upstream }, circuitStates.indexOf(state)] as const),
      );
      metrics.collected(
        { name: 'concurrency_limit', help: 'Jobs of an account at once that it is thought to bear.', labels },
        async () => (await collect()).map(({ upstream, limit }) => [{ upstream }, limit] as const),
      );
    },
    vault: createVaultObserver(metrics),
    expose: metrics.expose,
  };
}

/** Never twice at once, and again only when the last answer is `ms` old; a failure is not kept. */
function atMostEvery<T>(ms: number, work: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined;
  let endedAt = Number.POSITIVE_INFINITY;
  return () => {
    if (last && performance.now() - endedAt < ms) return last;
    endedAt = Number.POSITIVE_INFINITY;
    last = work();
    last.then(
      () => {
        endedAt = performance.now();
      },
      () => {
        last = undefined;
      },
    );
    return last;
  };
}
