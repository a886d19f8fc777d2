import { parseArgs } from 'node:util';

const parts = ['submit', 'calls', 'budget', 'resend', 'bridge'] as const;
export type Part = (typeof parts)[number];

export const usage = `Usage: npm run bench -- [part] [options]

Prints the table of the core's speed, each row with its verdict, and what else is measured. With the name of a part only that:

  submit                the submit path beside bare undici and beside the obvious pipeline
  calls                 calls of SPID Services beside a bare server, and a verification beside its bare POST
  budget                an account's request budget beside the obvious client
  resend                live transactions beside a resend of 100,000 and another station's backlog
  bridge                the memory of an idle device bridge

  --only NAME           the same as the name
  --rounds N            rounds that count, 1 to 50; default 5 (one more warms up)
  --bodies N            bodies of 300 KB in each turn, 50 to 5,000; default 600
  --seconds N           window of each client of the budget, of each scenario of resend, 10 to 600; default 60
  --profile             afterwards: where the submit path's time goes, with V8's sampling profiler
  --help                this text

Everything it starts (PostgreSQL, Redis, simulators, every service and variant as a process of its own) ends with it.
Numbers of different machines, or of different hours on one, are not comparable; the ratios of one run are.`;

export interface Options {
  parts: readonly Part[];
  rounds: number;
  bodies: number;
  seconds: number;
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
    profile,
  };
}

function whole(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < from || value > to)
    throw new TypeError(`${name} is a whole number from ${from} to ${to}, not ${text}`);
  return value;
}
