import {
  type SpidServicesCall,
  type SpidServicesRoute,
  spidServicesRoutes,
} from '@atesto/shared/contracts/spid-services';
import { person, type VirtualPerson } from '@atesto/simulators/people/person';
import { request } from 'undici';
import { type Branch, openBranch, registerFinger } from '../stack/branch.ts';
import { openHouse } from '../stack/house.ts';
import { Integrator } from '../stack/integrator.ts';
import { openPlatform, type Platform } from '../stack/platform.ts';
import type { Processes } from '../stack/processes.ts';

/** One of the two ways to a station. */
export interface Door {
  /** The vendor's base there. */
  url: string;
  headers: Readonly<Record<string, string>>;
}

/** What a call is given. */
export interface Asked {
  /** Path variables and query parameters. */
  params?: Readonly<Record<string, string>>;
  /** JSON of a POST. */
  body?: unknown;
}

export interface Answered {
  status: number;
  contentType: string;
  body: Buffer;
}

/** A station before a whole house of processes, and who comes to it. */
export interface ServicesHouse extends Branch {
  platform: Platform;
  /** The integrator at the station. */
  desk: Integrator;
  doors: readonly [bridge: Door, relay: Door];
  /** In nobody's register. */
  newcomer: VirtualPerson;
  stranger: VirtualPerson;
  /** Registered, with the finger of `known`. */
  twin: VirtualPerson;
  /** TGUIDs of what was sent, made once. */
  sent: Partial<Record<'enroll' | 'verify', string>>;
  /** Transactions that the gateway has accepted so far: whatever is sent is one. */
  accepted(): Promise<number>;
}

/** Seconds that Capture Send waits for a verdict here. */
const VERDICT_WAIT_S = 2;
/** An answer of the platform that comes after that. */
export const TOO_LATE_MS = 2_500;

/** Starts the house. `processes` ends it. */
export async function openServicesHouse(dir: string, processes: Processes): Promise<ServicesHouse> {
  const house = await openHouse({
    dir,
    processes,
    // No enrolment is decided while this runs, and nothing waits for the next look of a worker.
    enrollDelayMs: 3_600_000,
    env: { TICK_MS: '100', SPID_SERVER_RATE: '1000' },
  });
  const branch = await openBranch(house, { VERDICT_WAIT_S: String(VERDICT_WAIT_S) });
  const platform = openPlatform(house.spid.url);
  const twin = person('client Eva');
  await registerFinger(house, 'people', twin.cpf, branch.known);
  const authorization = `Bearer ${branch.systemKey}`;
  return {
    ...branch,
    platform,
    desk: new Integrator(branch.station),
    doors: [
      { url: branch.bridgeUrl, headers: {} },
      { url: branch.relayUrl, headers: { authorization } },
    ],
    newcomer: person('client Noa'),
    stranger: person('client Yara'),
    twin,
    sent: {},
    async accepted() {
      const { body } = await request(`${house.gateway.url}/metrics`, { headers: { authorization } });
      const counters = (await body.text()).matchAll(/^atesto_transactions_accepted_total\{.*\} (\d+)$/gm);
      return [...counters].reduce((sum, [, value]) => sum + Number(value), 0);
    },
  };
}

/** One call by its name. @param raw what goes over the wire instead of what the row and `asked` say */
export function ask(
  door: Door,
  call: SpidServicesCall,
  { params = {}, body }: Asked,
  raw: { method?: string; query?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answered> {
  const { method, path, query = [] }: SpidServicesRoute = spidServicesRoutes[call];
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const given = new URLSearchParams(Object.entries(params).filter(([name]) => query.includes(name)));
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  return send(door, filled, {
    method: raw.method ?? method,
    query: raw.query ?? given.toString(),
    headers: { ...json, ...raw.headers },
    body: raw.body ?? (body === undefined ? undefined : JSON.stringify(body)),
  });
}

/** One request below the vendor's base. */
async function send(
  { url, headers }: Door,
  path: string,
  { query, ...asked }: { method: string; query: string; headers: Record<string, string>; body: string | undefined },
): Promise<Answered> {
  const answer = await request(`${url}${path}${query && `?${query}`}`, {
    method: asked.method as 'GET',
    reset: true,
    headers: { ...headers, ...asked.headers },
    ...(asked.body !== undefined && { body: asked.body }),
  });
  return {
    status: answer.statusCode,
    contentType: String(answer.headers['content-type']),
    body: Buffer.from(await answer.body.arrayBuffer()),
  };
}
