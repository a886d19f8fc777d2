/** The table of the bench: what is measured, beside what, what is aimed at and what must be. */
export interface Row {
  /** The program that measures it: `npm run bench -- <part>`. */
  part: string;
  what: string;
  against: string;
  /** How a measured value passes a bar: not below it, below it, or no farther from 1 than it. */
  passes: 'not below' | 'below' | 'off by at most';
  /** Behind a value; empty for a ratio. */
  unit: '' | '×' | ' ms' | ' s' | ' MB' | ' %';
  digits: number;
  aim: number;
  /** Absent where only the aim is given. */
  must?: number;
}

const ratio = { passes: 'not below', unit: '', digits: 2 } as const;
const times = { passes: 'not below', unit: '×', digits: 2 } as const;
const OBVIOUS = 'the obvious pipeline';

export const rows = {
  submitBare: { part: 'submit', what: '`submit` 300 KB', against: 'bare undici POST', ...ratio, aim: 0.45, must: 0.28 },
  submitObvious: { part: 'submit', what: '`submit` 300 KB', against: OBVIOUS, ...times, aim: 6, must: 3.5 },
  submitSmall: { part: 'submit', what: '`submit` 2 KB', against: 'bare undici POST', ...ratio, aim: 0.25, must: 0.15 },
  endToEnd: { part: 'end-to-end', what: '`end-to-end` 300 KB', against: OBVIOUS, ...times, aim: 7, must: 4 },
  addedP50: {
    part: 'added',
    what: 'added time at 100/s, p50',
    against: '(a time)',
    passes: 'below',
    unit: ' ms',
    digits: 1,
    aim: 15,
    must: 40,
  },
  addedP99: {
    part: 'added',
    what: 'added time at 100/s, p99',
    against: '(a time)',
    passes: 'below',
    unit: ' ms',
    digits: 1,
    aim: 60,
    must: 150,
  },
  // A picture alone has nothing to be queued for; with its transaction it is two requests, two bodies on disk and a job.
  intakeCapture: {
    part: 'intake',
    what: '`intake` 300 KB binary: durable',
    against: 'Fastify that throws the body away',
    ...ratio,
    aim: 0.5,
    must: 0.35,
  },
  intakeTransaction: {
    part: 'intake',
    what: '`intake` 300 KB binary: durable and queued',
    against: 'Fastify that throws the body away',
    ...ratio,
    aim: 0.5,
    must: 0.35,
  },
  poll: { part: 'poll', what: '`poll`', against: 'bare undici GET', ...ratio, aim: 0.5, must: 0.3 },
  outstandingRedis: {
    part: 'outstanding',
    what: '`outstanding` 1,000,000: Redis memory',
    against: '(a size)',
    passes: 'below',
    unit: ' MB',
    digits: 1,
    aim: 20,
    must: 100,
  },
  outstandingTick: {
    part: 'outstanding',
    what: '`outstanding`: CPU of the tick, of a core',
    against: 'an empty ledger',
    passes: 'below',
    unit: ' %',
    digits: 2,
    aim: 1,
    must: 3,
  },
  outstandingDelay: {
    part: 'outstanding',
    what: '`outstanding`: delay of a due poll, p99',
    against: '(a time)',
    passes: 'below',
    unit: ' s',
    digits: 2,
    aim: 1.5,
    must: 3,
  },
  growth100k: {
    part: 'growth',
    what: '`growth`: 100,000 finished',
    against: '1,000 finished',
    ...ratio,
    aim: 0.95,
    must: 0.85,
  },
  growth1m: {
    part: 'growth',
    what: '`growth`: 1,000,000 finished',
    against: '1,000 finished',
    ...ratio,
    aim: 0.95,
    must: 0.85,
  },
  workers: { part: 'workers', what: '`workers` 2', against: '1 worker process', ...ratio, aim: 1.9, must: 1.7 },
  memory: {
    part: 'memory',
    what: '`memory` of a worker, later',
    against: 'itself before',
    passes: 'off by at most',
    unit: '',
    digits: 2,
    aim: 0.1,
  },
} as const satisfies Record<string, Row>;
export type RowName = keyof typeof rows;

/** What a program found for a row. */
export interface Measured {
  row: RowName;
  /** One for each round. */
  values: readonly number[];
  /** What it was computed from, for whoever doubts it. */
  raw: string;
}

export type Verdict = 'aim reached' | 'ok' | 'below must' | 'aim missed';

/** By the median of the rounds. */
export function verdictOf({ passes, aim, must }: Row, value: number): Verdict {
  const reaches = (bar: number) => {
    switch (passes) {
      case 'not below':
        return value >= bar;
      case 'below':
        return value < bar;
      case 'off by at most':
        return value >= 1 - bar && value <= 1 + bar;
      default:
        return passes satisfies never;
    }
  };
  if (reaches(aim)) return 'aim reached';
  if (must === undefined) return 'aim missed';
  return reaches(must) ? 'ok' : 'below must';
}
