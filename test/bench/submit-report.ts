import { BODY_BYTES } from './bodies.ts';
import { median, spread, table } from './numbers.ts';
import type { Profile } from './profile.ts';
import type { Round, ServerTime, SubmitResults } from './submit.ts';
import { CONCURRENCY, SOCKETS, type VariantName, variantNames } from './variant.ts';

const titles: Record<VariantName, string> = {
  bare: 'bare: undici POST loop',
  atesto: 'atesto: submit path, queue on Redis',
  'atesto-pg': 'atesto: submit path, queue on PostgreSQL',
  obvious: 'obvious: payload in the job, fetch',
};
const servers = ['stub', 'redis', 'postgres'] as const satisfies (keyof ServerTime)[];

/** What a run found, as text: tables, then a line for each ratio. */
export function describeSubmit({ rounds, redisSource }: SubmitResults, bodies: number): string {
  const of = (name: VariantName, value: (round: Round) => number) => rounds[name].map(value);
  const ratios = (above: VariantName, below: VariantName) =>
    rounds[above].map(({ perSecond }, i) => perSecond / (rounds[below][i]?.perSecond ?? Number.NaN));
  const main = table(
    ['variant', 'bodies/s', 'ms per body', 'client CPU µs per body', 'ratio to bare'],
    variantNames.map((name) => [
      titles[name],
      spread(
        of(name, (round) => round.perSecond),
        0,
      ),
      spread(
        of(name, (round) => round.msPerBody),
        1,
      ),
      spread(
        of(name, (round) => round.cpuUsPerBody),
        0,
      ),
      spread(ratios(name, 'bare'), 2),
    ]),
  );
  const serverTime = (name: VariantName, server: keyof ServerTime) => {
    const us = rounds[name].flatMap((round) => round.servers[server] ?? []);
    return us.length === 0 ? '?' : median(us).toFixed(0);
  };
  const others = table(
    ['CPU µs per body, median', 'client', 'stub', 'Redis', 'PostgreSQL', 'new connections per 100 bodies'],
    variantNames.map((name) => [
      titles[name],
      median(of(name, (round) => round.cpuUsPerBody)).toFixed(0),
      ...servers.map((server) => serverTime(name, server)),
      median(of(name, (round) => (100 * round.connections) / bodies)).toFixed(0),
    ]),
  );
  const pairs: [VariantName, VariantName][] = [
    ['atesto', 'bare'],
    ['atesto-pg', 'bare'],
    ['obvious', 'bare'],
    ['atesto', 'obvious'],
    ['atesto-pg', 'obvious'],
  ];
  const count = rounds.bare.length;
  return [
    `Submit path: ${count} rounds of ${bodies} bodies of ${BODY_BYTES} bytes each, in turn; ${CONCURRENCY} jobs at a time, ${SOCKETS} sockets; Redis: ${redisSource === 'path' ? 'a program of this machine' : redisSource}.`,
    'Cells: median (min–max) of the rounds. A ratio is taken within each round. ms per body: from taken up to done, waiting for a socket included.',
    '',
    main,
    '',
    others,
    '',
    ...pairs.map(([above, below]) => `ratio ${above} / ${below}: ${spread(ratios(above, below), 2)}`),
    `Every body of every variant arrived exactly once and whole (${bodies * (count + 1) * variantNames.length} checked by number, length and CRC).`,
  ].join('\n');
}

/** The profile's larger parts. */
export function describeProfile({ idle, places, functions }: Profile): string {
  const rows = (parts: Profile['places']) => parts.map(([name, percent]) => [name, percent.toFixed(1)]);
  return [
    `Profile of atesto's main thread over a round (idle ${idle.toFixed(0)} % of the time; per cent of the rest, self time):`,
    '',
    table(['where', '%'], rows(places)),
    '',
    table(['function', '%'], rows(functions)),
  ].join('\n');
}
