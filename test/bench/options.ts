import { parseArgs } from 'node:util';

export const usage = `Usage: npm run bench -- [options]

Measures the submit path beside bare undici and beside the obvious pipeline, and the memory of an idle device bridge.

  --only submit|memory  one of the two; default both
  --rounds N            rounds that count, 1 to 50; default 5 (one more warms up)
  --bodies N            bodies of 300 KB that each variant sends in a round, 50 to 5,000; default 600
  --profile             afterwards: where the submit path's time goes, with V8's sampling profiler
  --help                this text

Everything it starts (PostgreSQL, Redis, a stub of SPID Server, one process for each variant) ends with it.
Numbers of different machines, or of different hours on one, are not comparable; the ratios of one run are.`;

export interface Options {
  submit: boolean;
  memory: boolean;
  rounds: number;
  bodies: number;
  profile: boolean;
}

/** Undefined where the usage is asked for. @throws TypeError for what it does not understand */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      bodies: { type: 'string', default: '600' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { only, profile } = values;
  if (only !== undefined && only !== 'submit' && only !== 'memory')
    throw new TypeError(`--only is submit or memory, not ${only}`);
  return {
    submit: only !== 'memory',
    memory: only !== 'submit',
    rounds: whole('--rounds', values.rounds, 1, 50),
    bodies: whole('--bodies', values.bodies, 50, 5_000),
    profile,
  };
}

function whole(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < from || value > to)
    throw new TypeError(`${name} is a whole number from ${from} to ${to}, not ${text}`);
  return value;
}
