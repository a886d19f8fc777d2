import { BODY_BYTES, REQUEST_SECONDS } from './buckets.ts';
import type { Metrics, Samples } from './metrics.ts';
import { createVaultObserver } from './vault-metrics.ts';

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'other'] as const;
const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const;
const intakeOutcomes = ['created', 'replayed', 'conflict'] as const;
const noticeOutcomes = ['due', 'settled', 'parked'] as const;

const captureMeasures = ['size', 'brightness', 'contrast', 'sharpness'] as const;
const captureWords = ['ok', 'low', 'high', 'unmeasured'] as const;

/** What became of a request to accept: done, answered again, refused for another body under the same key. */
export type IntakeOutcome = (typeof intakeOutcomes)[number];

export interface GatewaySets<Kind extends string = string> {
  /** Of transactions. */
  kinds: readonly Kind[];
  /** Codes of the problems that a capture may be refused with; others count as `other`. */
  rejectReasons: readonly string[];
}

export interface GatewayMetrics<Kind extends string = string> {
  /** One answered request. @param seconds from the first byte of the request to the last of the answer */
  request(done: { method: string; route: string; status: number; seconds: number }): void;
  captureAccepted(bytes?: number): void;
  captureRejected(reason: string): void;
  /** Counts the idempotency outcome, and an accepted transaction where it was `created`. */
  transaction(kind: Kind, outcome: IntakeOutcome): void;
  /** Advice on one face: a word for each measure that there is, `unmeasured` for the others. */
  captureAdvice(advice: Partial<Record<(typeof captureMeasures)[number], (typeof captureWords)[number]>>): void;
  /** A notice of IDCloud's: it made a question due, came late, or came before its process was known. */
  notice(outcome: (typeof noticeOutcomes)[number]): void;
  /** Stations on the line now. */
  stationsConnected(collect: () => number | Promise<number>): void;
  vault: ReturnType<typeof createVaultObserver>;
  expose: Metrics['expose'];
}

export function createGatewayMetrics<Kind extends string>(
  metrics: Metrics,
  sets: GatewaySets<Kind>,
): GatewayMetrics<Kind> {
  const { kinds } = sets;
  const requests = metrics.counter({
    name: 'http_requests_total',
    help: 'Answered requests.',
    labels: { method: methods, route: 'routes', status_class: statusClasses },
  });
  const seconds = metrics.histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request.',
    labels: { method: methods, route: 'routes', status_class: statusClasses },
    buckets: REQUEST_SECONDS,
  });
  const accepted = metrics.counter({
    name: 'captures_accepted_total',
    help: 'Captures that are on disk and in the ledger.',
    labels: {},
  });
  const bytes = metrics.histogram({
    name: 'capture_bytes',
    help: 'Size of accepted captures.',
    labels: {},
    buckets: BODY_BYTES,
  });
  const rejected = metrics.counter({
    name: 'captures_rejected_total',
    help: 'Captures refused at the door.',
    labels: { reason: [...new Set([...sets.rejectReasons, 'other'])] },
  });
  const transactions = metrics.counter({
    name: 'transactions_accepted_total',
    help: 'Transactions accepted durably: each has one outcome in the end.',
    labels: { kind: kinds },
  });
  const idempotency = metrics.counter({
    name: 'idempotency_total',
    help: 'Requests to accept a transaction, by what their idempotency key made of them.',
    labels: { outcome: intakeOutcomes },
  });
  const advised = metrics.counter({
    name: 'capture_advice_total',
    help: 'Faces of the IDCloud face, by what each measure says of them. Advice only.',
    labels: { measure: captureMeasures, word: captureWords },
  });
  const notices = metrics.counter({
    name: 'webhook_notices_total',
    help: 'Notices of IDCloud that proved whose they are, by what they made of a process.',
    labels: { outcome: noticeOutcomes },
  });
  return {
    request: ({ method, route, status, seconds: took }) => {
      const labels = {
        method: method as (typeof methods)[number],
        route,
        status_class: `${Math.floor(status / 100)}xx` as (typeof statusClasses)[number],
      };
      requests.add(labels);
      seconds.observe(labels, took);
    },
    captureAccepted: (size) => {
      accepted.add({});
      if (size !== undefined) bytes.observe({}, size);
    },
    captureRejected: (reason) => rejected.add({ reason }),
    transaction: (kind, outcome) => {
      idempotency.add({ outcome });
      if (outcome === 'created') transactions.add({ kind } as never);
    },
    captureAdvice: (advice) => {
      for (const measure of captureMeasures) advised.add({ measure, word: advice[measure] ?? 'unmeasured' });
    },
    notice: (outcome) => notices.add({ outcome }),
    stationsConnected: (collect) =>
      metrics.collected(
        { name: 'stations_connected', help: 'Stations whose line to this process is open.', labels: {} },
        async (): Promise<Samples<Record<never, never>>> => [[{}, await collect()]],
      ),
    vault: createVaultObserver(metrics),
    expose: metrics.expose,
  };
}
