import { SMALL } from './bodies.ts';
import { openAtesto, openSubmitters } from './contender-atesto.ts';
import { fillWithCopies } from './copies.ts';
import type { Measured } from './rows.ts';
import { openServers, openStub, type Place } from './servers.ts';
import { rate } from './submit-report.ts';
import { inTurns, ratiosOf, submitTurns } from './turns.ts';

const FINISHED = { '1k': 1_000, '100k': 100_000, '1m': 1_000_000 } as const;
type Size = keyof typeof FINISHED;
/** Small ones: what grows is the ledger's part, and a large body would hide it. */
const BODIES = 2_000;

/** The same work beside ledgers that are full of what is over. */
export async function measureGrowth(options: Place & { rounds: number }): Promise<{ text: string; rows: Measured[] }> {
  const { rounds, report } = options;
  const servers = await openServers(options);
  const stub = await openStub(options);
  const sizes = Object.keys(FINISHED) as Size[];
  const began = performance.now();
  const open = async (size: Size) => {
    const own = await openSubmitters(options, `growth-${size}`, { servers, stub, redis: servers.redisUrl() });
    const { db, accept, seal } = own.installation;
    report(`filling a ledger with ${FINISHED[size]} finished transactions`);
    await fillWithCopies(db, await accept(await seal(Buffer.alloc(100))), FINISHED[size], {
      state: 'concluded',
      apart: true,
    });
    return openAtesto({ ...own, stub, aim: SMALL });
  };
  const contenders = { '1k': await open('1k'), '100k': await open('100k'), '1m': await open('1m') };
  const filledIn = (performance.now() - began) / 1000;
  const turn = submitTurns(servers, stub);
  const found = await inTurns(
    sizes,
    rounds,
    (name) => turn({ name, contender: contenders[name], aim: SMALL, count: BODIES }),
    (round, of) =>
      report(`growth, ${round}: ${sizes.map((size) => `${size} ${of[size].perSecond.toFixed(0)}/s`).join(', ')}`),
  );
  const postgres = (size: Size) => found[size].map(({ servers: { postgres: us } }) => us?.toFixed(0) ?? '?').join(', ');
  const row = (name: 'growth100k' | 'growth1m', size: Size): Measured => ({
    row: name,
    values: ratiosOf(found[size], found['1k']),
    raw: `${rate(found[size])} of ${rate(found['1k'])}`,
  });
  return {
    text: [
      `Growth: ${rounds} rounds of ${BODIES} bodies of 2 KB, each ledger in its turn; filled in ${filledIn.toFixed(0)} s.`,
      ...sizes.map((size) => `PostgreSQL CPU µs per body with ${size} finished, round by round: ${postgres(size)}`),
    ].join('\n'),
    rows: [row('growth100k', '100k'), row('growth1m', '1m')],
  };
}
