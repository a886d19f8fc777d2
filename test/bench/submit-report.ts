import { median, spread, table } from './numbers.ts';
import type { Measured } from './rows.ts';
import { type ContenderName, largeNames, type SizeResults, type SubmitResults, smallNames } from './submit.ts';
import { type Round, ratiosOf, type ServerTime } from './turns.ts';
import { CONCURRENCY, SOCKETS } from './variant.ts';

const titles: Record<ContenderName, string> = {
  bare: 'bare: undici POST loop',
  atesto: 'atesto: submit path, queue on Redis',
  'atesto-pg': 'atesto: submit path, queue on PostgreSQL',
  obvious: 'obvious: payload in the job, fetch',
};
const servers = ['stub', 'redis', 'postgres'] as const satisfies (keyof ServerTime)[];

/** What a run found, as text: tables, then a line for each ratio. */
export function describeSubmit({ large, small, redisSource }: SubmitResults): string {
  const count = large.rounds.bare.length;
  return [
    `Submit path: ${count} rounds, in turn; ${CONCURRENCY} jobs at a time, ${SOCKETS} sockets; Redis: ${redisSource === 'path' ? 'a program of this machine' : redisSource}.`,
    'Cells: median (min–max) of the rounds. A ratio is taken within each round. ms per body: from taken up to done, waiting for a socket included.',
    '',
    ...describeSize(large, largeNames),
    '',
    ...describeSize(small, smallNames),
    '',
    ...(
      [
        ['atesto-pg', 'bare'],
        ['obvious', 'bare'],
        ['atesto-pg', 'obvious'],
      ] as const
    ).map(
      ([above, below]) => `ratio ${above} / ${below}: ${spread(ratiosOf(large.rounds[above], large.rounds[below]), 2)}`,
    ),
    'Every body of every variant arrived exactly once and whole, by number, length and CRC.',
  ].join('\n');
}

export function rowsOfSubmit({ large, small }: SubmitResults): Measured[] {
  const rates = (of: SizeResults<'bare' | 'atesto'>) =>
    `atesto ${rate(of.rounds.atesto)} of bare ${rate(of.rounds.bare)}`;
  return [
    { row: 'submitBare', values: ratiosOf(large.rounds.atesto, large.rounds.bare), raw: rates(large) },
    {
      row: 'submitObvious',
      values: ratiosOf(large.rounds.atesto, large.rounds.obvious),
      raw: `obvious ${rate(large.rounds.obvious)}`,
    },
    { row: 'submitSmall', values: ratiosOf(small.rounds.atesto, small.rounds.bare), raw: rates(small) },
  ];
}

export const rate = (rounds: readonly { perSecond: number }[]) =>
  `${spread(
    rounds.map(({ perSecond }) => perSecond),
    0,
  )}/s`;

function describeSize<Name extends ContenderName>(results: SizeResults<Name>, names: readonly Name[]): string[] {
  const { rounds, bytes, bodies } = results;
  const of = (name: Name, digits: number, value: (round: Round) => number) => spread(rounds[name].map(value), digits);
  const serverTime = (name: Name, server: keyof ServerTime) => {
    const us = rounds[name].flatMap((round) => round.servers[server] ?? []);
    return us.length === 0 ? '?' : median(us).toFixed(0);
  };
  const middle = (name: Name, value: (round: Round) => number) => median(rounds[name].map(value)).toFixed(0);
  return [
    `${bodies} bodies of ${bytes} bytes in each turn:`,
    '',
    table(
      ['variant', 'bodies/s', 'ms per body', 'client CPU µs per body'],
      names.map((name) => [
        titles[name],
        of(name, 0, (round) => round.perSecond),
        of(name, 1, (round) => round.msPerBody),
        of(name, 0, (round) => round.cpuUsPerBody),
      ]),
    ),
    '',
    table(
      ['CPU µs per body, median', 'client', 'stub', 'Redis', 'PostgreSQL', 'new connections per 100 bodies'],
      names.map((name) => [
        titles[name],
        middle(name, (round) => round.cpuUsPerBody),
        ...servers.map((server) => serverTime(name, server)),
        middle(name, (round) => (100 * round.connections) / bodies),
      ]),
    ),
  ];
}
