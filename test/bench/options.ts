import { parseArgs } from 'node:util';

const parts = [
  'submit',
  'end-to-end',
  'added',
  'intake',
  'poll',
  'outstanding',
  'growth',
  'workers',
  'memory',
  'calls',
  'budget',
  'resend',
  'bridge',
] as const;
export type Part = (typeof parts)[number];

export const usage = `Usage: npm run bench -- [part] [options]

Prints the table of the core's speed, each row with its verdict, and what else is measured. With the name of a part only that:

  submit                the submit path beside bare undici and beside the obvious pipeline
  end-to-end            enrolments from HTTP to their outcome, beside the obvious pipeline
  added                 what is waited between acceptance and sending, at 100 a second, beside the obvious pipeline
  intake                pictures that are taken in, beside a server that throws them away
  poll                  look-ups of results, beside bare undici
  outstanding           what a million awaiting transactions cost while nothing is due, and how late a due one is asked for
  growth                the submit path beside ledgers of 1,000, 100,000 and a million finished transactions
  workers               two processes of workers beside one, before an upstream that takes 50 ms
  memory                a worker's memory after 100,000 submits, beside after 10,000 (with everything else: after 30,000)
  calls                 calls of SPID Services beside a bare server, and a verification beside its bare POST
  budget                an account's request budget beside the obvious client
  resend                live transactions beside a resend of 100,000 and another station's backlog
  bridge                the memory of an idle device bridge

  --only NAME           the same as the name
  --rounds N            rounds that count, 1 to 50; default 5 (four more warm up)
  --bodies N            bodies of 300 KB in each turn, 50 to 5,000; default 600
  --seconds N           window of each client of the budget, of each scenario of resend, 10 to 600; default 60
  --memory-at N,M       submits after which a worker's memory is read, thousands; default 10000,100000
  --profile             of submit, end-to-end, intake: afterwards, where the time goes, with V8's sampling profiler
  --help                this text

Everything it starts (PostgreSQL, Redis, simulators, every service and variant as a process of its own) ends with it.
Numbers of different machines, or of different hours on one, are not comparable; the ratios of one run are.`;

export interface Options {
  parts: readonly Part[];
  rounds: number;
  bodies: number;
  seconds: number;
  memoryAt: readonly [number, number];
  profile: boolean;
}

/** Undefined where the usage is asked for. @throws TypeError for what it does not understand */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      bodies: { type: 'string', default: '600' },
      seconds: { type: 'string', default: '60' },
      'memory-at': { type: 'string' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { only, profile } = values;
  const named = only === undefined ? positionals : [only, ...positionals];
  const unknown = named.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined || named.length > 1)
    throw new TypeError(`one part of ${parts.join(', ')}, not ${named.join(' ')}`);
  return {
    parts: named.length === 0 ? parts : (named as Part[]),
    rounds: whole('--rounds', values.rounds, 1, 50),
    bodies: whole('--bodies', values.bodies, 50, 5_000),
    seconds: whole('--seconds', values.seconds, 10, 600),
    memoryAt: marks(values['memory-at'] ?? (named.length === 0 ? '10000,30000' : '10000,100000')),
    profile,
  };
}

function marks(text: string): [number, number] {
  const [first, last, ...more] = text.split(',').map((mark) => whole('--memory-at', mark, 1_000, 1_000_000));
  if (first === undefined || last === undefined || more.length > 0 || first >= last || first % 1_000 || last % 1_000)
    throw new TypeError(`--memory-at is two numbers of thousands, the smaller first, not ${text}`);
  return [first, last];
}

function whole(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < from || value > to)
    throw new TypeError(`${name} is a whole number from ${from} to ${to}, not ${text}`);
  return value;
}
