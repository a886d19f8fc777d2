import type { ServiceProcess } from '../stack/processes.ts';
import { bodiesOf, LARGE, SMALL } from './bodies.ts';
import { type Contender, openVariant } from './contender.ts';
import { openAtesto, openSubmitters } from './contender-atesto.ts';
import { openProfiler, PROFILABLE, type Profile } from './profile.ts';
import { openServers, openStub, type Place } from './servers.ts';
import { inTurns, type Round, submitTurns } from './turns.ts';

export const largeNames = ['bare', 'atesto', 'atesto-pg', 'obvious'] as const;
export const smallNames = ['bare', 'atesto'] as const;
export type ContenderName = (typeof largeNames)[number];

/** Bodies of one size. Element i of every list was measured in the same round. */
export interface SizeResults<Name extends ContenderName> {
  bytes: number;
  /** Of each contender in each round. */
  bodies: number;
  rounds: Record<Name, Round[]>;
}

export interface SubmitResults {
  large: SizeResults<ContenderName>;
  small: SizeResults<(typeof smallNames)[number]>;
  profile?: Profile;
  redisSource: string;
}

export interface SubmitOptions extends Place {
  rounds: number;
  /** Large bodies that each contender sends in a round; of small ones five times as many. */
  bodies: number;
  profile: boolean;
}

/** Starts the servers and a process for every contender, and lets them take turns. @throws Error when a body is lost, doubled or damaged */
export async function measureSubmit(options: SubmitOptions): Promise<SubmitResults> {
  const { rounds, report } = options;
  const servers = await openServers(options);
  const stub = await openStub(options);
  const [redis, ownRedis] = [servers.redisUrl(), servers.redisUrl()];
  const atesto = await openSubmitters(options, 'atesto', { servers, stub, redis: ownRedis, env: PROFILABLE });
  const onPostgres = await openSubmitters(options, 'atesto-pg', { servers, stub, env: PROFILABLE });
  const variant = (name: 'bare' | 'obvious', aim: number) => openVariant(options, name, { stub: stub.url, redis, aim });
  const large: Record<ContenderName, Contender> = {
    bare: await variant('bare', LARGE),
    atesto: openAtesto({ ...atesto, stub, aim: LARGE }),
    'atesto-pg': openAtesto({ ...onPostgres, stub, aim: LARGE }),
    obvious: await variant('obvious', LARGE),
  };
  const small = { bare: await variant('bare', SMALL), atesto: openAtesto({ ...atesto, stub, aim: SMALL }) };

  const turn = submitTurns(servers, stub);
  const measure = async <Name extends ContenderName>(
    names: readonly Name[],
    contenders: Record<Name, Contender>,
    aim: number,
    bodies: number,
  ): Promise<SizeResults<Name>> => ({
    bytes: bodiesOf(aim).bytes,
    bodies,
    rounds: await inTurns(
      names,
      rounds,
      (name) => turn({ name, contender: contenders[name], aim, count: bodies }),
      (round, found) => {
        const rates = names.map((name) => `${name} ${found[name].perSecond.toFixed(0)}/s`).join(', ');
        report(`${aim} bytes, ${round}: ${rates}`);
      },
    ),
  });
  const results: SubmitResults = {
    large: await measure(largeNames, large, LARGE, options.bodies),
    small: await measure(smallNames, small, SMALL, options.bodies * 5),
    redisSource: servers.redis.source,
  };
  if (options.profile) {
    report('profiling the submit path');
    for (const worker of atesto.workers) worker.kill('SIGCONT');
    const profiler = await openProfiler(atesto.workers[0] as ServiceProcess);
    const around = async (run: () => Promise<void>) => {
      results.profile = await profiler.during(run);
    };
    await turn({ name: 'atesto', contender: large.atesto, aim: LARGE, count: options.bodies, around });
  }
  return results;
}
