import { type CallRound, type CallsResults, CONNECTIONS, type DoorName, doors } from './calls.ts';
import { median, percentile, spread, table } from './numbers.ts';
import type { VerifyRound } from './verify.ts';

const titles: Record<DoorName, string> = {
  bare: 'bare: Fastify with the same bytes',
  bridge: 'bridge: at the station',
  relay: 'relay: through the gateway',
};

/** What a run found, as text. */
export function describeCalls({ calls, verify }: CallsResults): string {
  const rates = (door: DoorName, connections: (typeof CONNECTIONS)[number]) =>
    calls[door].map(({ turns }) => turns[connections].perSecond);
  const ratios = (door: DoorName, connections: (typeof CONNECTIONS)[number]) =>
    rates(door, connections).map((rate, i) => rate / (rates('bare', connections)[i] ?? Number.NaN));
  const throughput = table(
    ['Capture Status', ...CONNECTIONS.flatMap((n) => [`calls/s, ${n} connection${n > 1 ? 's' : ''}`, 'ratio to bare'])],
    doors.map((door) => [
      titles[door],
      ...CONNECTIONS.flatMap((n) => [spread(rates(door, n), 0), spread(ratios(door, n), 2)]),
    ]),
  );
  const p50 = ({ turns }: CallRound) => median(turns[1].took);
  const times = table(
    ['one call at a time, ms', 'p50 of each round', 'p50 of all', 'p99 of all'],
    doors.map((door) => {
      const all = calls[door].flatMap(({ turns }) => turns[1].took);
      return [titles[door], spread(calls[door].map(p50), 2), ...both(all, 2)];
    }),
  );
  const added = calls.relay.map((round, i) => p50(round) - p50(calls.bridge[i] as CallRound));
  return [
    `Calls of SPID Services: ${calls.bare.length} rounds, in turn. Cells: median (min–max) of the rounds; a ratio is taken within each round.`,
    '',
    throughput,
    '',
    times,
    '',
    `The relay adds ${spread(added, 2)} ms to a call (p50 of the relay less p50 of the bridge, by round).`,
    '',
    describeVerify(verify),
  ].join('\n');
}

function describeVerify(rounds: readonly VerifyRound[]): string {
  const all = (times: (round: VerifyRound) => number[]) => rounds.flatMap(times);
  const added = all(({ sent, posted }) => sent.map((ms, i) => ms - (posted[i] as number)));
  const rows: [string, number[]][] = [
    ['from Capture Send to its answer', all(({ sent }) => sent)],
    ['the same body posted directly', all(({ posted }) => posted)],
    ['added', added],
  ];
  return [
    `A verification, ${added.length} times, each beside the POST of its own body (${rounds.at(-1)?.bytes} bytes):`,
    '',
    table(
      ['ms', 'p50', 'p99'],
      rows.map(([what, times]) => [what, ...both(times, 1)]),
    ),
  ].join('\n');
}

function both(values: readonly number[], digits: number): [p50: string, p99: string] {
  return [percentile(values, 0.5).toFixed(digits), percentile(values, 0.99).toFixed(digits)];
}
