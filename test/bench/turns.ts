import { bodiesOf } from './bodies.ts';
import type { Contender, ContenderRound } from './contender.ts';
import { rotated } from './numbers.ts';
import { processorTime } from './processor.ts';
import { checkArrivals, type Servers, type Stub } from './servers.ts';

/** Rounds before those that count: services run for months, and V8 compiles for seconds (the processor time of a look-up falls by a third over the first four). */
const WARM_UPS = 4;

/**
 * Lets everybody have a turn in each round, in an order that rotates: nobody is always the one who comes after the heaviest. The first rounds warm up and are
 * not kept. Element i of every list was measured in the same round.
 * @param turn is told how many rounds were before, those that warmed up too
 * @param tell is told which round it was, in words
 */
export async function inTurns<Name extends string, Found>(
  names: readonly Name[],
  rounds: number,
  turn: (name: Name, before: number) => Promise<Found>,
  tell: (round: string, found: Readonly<Record<Name, Found>>) => void = () => {},
): Promise<Record<Name, Found[]>> {
  const kept = Object.fromEntries(names.map((name) => [name, [] as Found[]])) as Record<Name, Found[]>;
  for (let before = 0; before < WARM_UPS + rounds; before++) {
    const found = {} as Record<Name, Found>;
    for (const name of rotated(names, before)) found[name] = await turn(name, before);
    const round = before - WARM_UPS + 1;
    if (round > 0) for (const name of names) kept[name].push(found[name]);
    tell(round > 0 ? `round ${round} of ${rounds}` : 'warming up', found);
  }
  return kept;
}

/** Processor time per body in µs, of the processes that everyone shares. */
export type ServerTime = Partial<Record<'stub' | 'redis' | 'postgres', number>>;

export interface Round extends ContenderRound {
  perSecond: number;
  cpuUsPerBody: number;
  servers: ServerTime;
  /** That the stub was asked for. */
  connections: number;
}

export interface Bout {
  name: string;
  contender: Contender;
  /** Size of a body, in bytes, and how many. */
  aim: number;
  count: number;
  /** What is done around the measured part. */
  around?: (run: () => Promise<void>) => Promise<void>;
}

/** Gives turns at submitting, each with what it cost the servers. @throws Error unless every body came once and whole */
export function submitTurns({ redis, postgres }: Servers, stub: Stub) {
  let from = 0;
  return async ({ name, contender, aim, count, around = (run) => run() }: Bout): Promise<Round> => {
    const range = { from, count };
    from += count;
    await contender.prepare(range);
    const time = () => [stub.child.pid, redis.pid, postgres.pid].map(processorTime);
    const before = time();
    let took: ContenderRound | undefined;
    await around(async () => {
      took = await contender.run();
    });
    const [stubUs, redisUs, postgresUs] = time().map((after, i) => perBody(after, before[i], count));
    const { arrivals, connections } = await stub.take();
    checkArrivals(name, bodiesOf(aim), range, arrivals);
    await contender.finish();
    const { seconds, cpuUs, msPerBody } = took as ContenderRound;
    const servers = defined({ stub: stubUs, redis: redisUs, postgres: postgresUs });
    return { seconds, cpuUs, msPerBody, perSecond: count / seconds, cpuUsPerBody: cpuUs / count, servers, connections };
  };
}

function perBody(after: number | undefined, before: number | undefined, bodies: number): number | undefined {
  return after === undefined || before === undefined ? undefined : (after - before) / bodies;
}

function defined(time: Record<keyof ServerTime, number | undefined>): ServerTime {
  return Object.fromEntries(Object.entries(time).filter(([, us]) => us !== undefined));
}

/** Of each round, one rate as a share of the other. */
export function ratiosOf(above: readonly { perSecond: number }[], below: readonly { perSecond: number }[]): number[] {
  return above.map(({ perSecond }, i) => perSecond / (below[i]?.perSecond ?? Number.NaN));
}
