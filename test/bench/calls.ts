import path from 'node:path';
import { spidServicesRoutes } from '@atesto/shared/contracts/spid-services';
import { type Branch, openBranch } from '../stack/branch.ts';
import { openHouse } from '../stack/house.ts';
import { Integrator } from '../stack/integrator.ts';
import type { Processes } from '../stack/processes.ts';
import { closedLoop, type Loop, type Turn } from './closed-loop.ts';
import { rotated } from './numbers.ts';
import { measureVerify, type VerifyRound } from './verify.ts';

export const doors = ['bare', 'bridge', 'relay'] as const;
export type DoorName = (typeof doors)[number];
export const CONNECTIONS = [1, 16] as const;
/** Milliseconds of each turn. */
const TURN_MS = 1_000;

export interface CallRound {
  /** By number of connections. */
  turns: Record<(typeof CONNECTIONS)[number], Turn>;
}

export interface CallsResults {
  /** One for each round that counts, in the same order for every door. */
  calls: Record<DoorName, CallRound[]>;
  verify: VerifyRound[];
}

export interface CallsOptions {
  rounds: number;
  dir: string;
  processes: Processes;
  report: (line: string) => void;
}

/** Starts a house with a station, and lets the doors to its Capture Status take turns; then verifications, and the same bodies without a house. */
export async function measureCalls({ rounds, dir, processes, report }: CallsOptions): Promise<CallsResults> {
  report('starting a house: PostgreSQL, simulators, gateway, workers, a station');
  const house = await openHouse({ dir: path.join(dir, 'house'), processes, env: { SPID_SERVER_RATE: '1000' } });
  // Four fingers as usual, but not the one that the simulator knows: see `measureVerify`.
  const fingers = '7,3,2,5';
  const plans = { CAPTURE_PLAN_ENROLL: fingers, CAPTURE_PLAN_VERIFY: fingers };
  const branch = await openBranch(house, { ...plans, LOG_LEVEL: 'info' });
  const loops = await openLoops(branch, processes);

  const calls: CallsResults['calls'] = { bare: [], bridge: [], relay: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const door of rotated(doors, round)) {
      const turns = {} as CallRound['turns'];
      for (const connections of CONNECTIONS) turns[connections] = await closedLoop(loops[door], connections, TURN_MS);
      // The first one warms up.
      if (round > 0) calls[door].push({ turns });
    }
    const rates = doors.map((door) => `${door} ${calls[door].at(-1)?.turns[1].perSecond.toFixed(0)}/s`);
    report(round === 0 ? 'warm' : `round ${round} of ${rounds}: ${rates.join(', ')} on one connection`);
  }
  return { calls, verify: await measureVerify({ rounds, house, branch, report }) };
}

/** Somebody is logged in and nothing is captured: the cheapest answer there is. */
async function openLoops(branch: Branch, processes: Processes): Promise<Record<DoorName, Loop>> {
  const desk = new Integrator(branch.station);
  await desk.login(branch.operator.cpf);
  const expected = JSON.stringify(await desk.call('capture/status'));
  const bare = await processes.start({
    name: 'bare-server',
    main: path.join(import.meta.dirname, 'bare-server.ts'),
    args: [expected],
    ready: { line: /^http:/ },
  });
  const call = spidServicesRoutes.captureStatus.path;
  return {
    bare: { url: bare.output().trim(), headers: {}, expected },
    bridge: { url: `${branch.bridgeUrl}${call}`, headers: {}, expected },
    relay: {
      url: `${branch.relayUrl}${call}`,
      headers: { authorization: `Bearer ${branch.systemKey}` },
      expected,
    },
  };
}
