import { SPID_SERVICES_BASE } from '@atesto/shared/contracts/spid-services';
import type { FingerIndex } from '@atesto/simulators/people/pattern';
import { person, type VirtualPerson } from '@atesto/simulators/people/person';
import { encodePng, toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { call } from './call.ts';
import type { House, Station } from './house.ts';
import { StackError } from './stack-error.ts';
import { waitFor } from './wait-for.ts';

/** The one finger that is captured at a branch. */
export const FINGER: FingerIndex = 6;

/** A branch before a house, as small as it can be: every capture is one finger. */
export interface Branch {
  station: Station;
  /** Key of an upstream system, for the relay. */
  systemKey: string;
  /** SPID Services at the station itself, and through the gateway with the system's key. No slash at the end. */
  bridgeUrl: string;
  relayUrl: string;
  /** Registered at the platform, each with `FINGER`. */
  operator: VirtualPerson;
  known: VirtualPerson;
}

/** Registers operator and client at the simulated SPID Server, enrols a station and waits until it is on the gateway's line. */
export async function openBranch(house: House, env: Record<string, string> = {}): Promise<Branch> {
  const [operator, known] = [person('operator Rita'), person('client Ivo')];
  await registerFinger(house, 'operators', operator.cpf, operator);
  await registerFinger(house, 'people', known.cpf, known);
  const administratorKey = house.administratorKey ?? '';
  const { key } = await house.api<{ key: string }>(administratorKey, 'POST', '/v1/keys', { name: 'core banking' });
  const { code } = await house.api<{ code: string }>(administratorKey, 'POST', '/v1/stations/enrolments', {
    name: 'branch',
  });
  const plan = `${FINGER}`;
  const station = await house.startStation({
    name: 'branch',
    code,
    env: { CAPTURE_PLAN_ENROLL: plan, CAPTURE_PLAN_VERIFY: plan, CAPTURE_PLAN_OPERATOR: plan, ...env },
  });
  const stationId = await waitFor(
    async () => {
      const stations = await house.api<{ id: string; connected: boolean }[]>(key, 'GET', '/v1/stations');
      return stations.find(({ connected }) => connected)?.id;
    },
    { what: 'the line of the station' },
  );
  return {
    station,
    systemKey: key,
    bridgeUrl: `${station.url}${SPID_SERVICES_BASE}`,
    relayUrl: `${house.gateway.url}/stations/${stationId}${SPID_SERVICES_BASE}`,
    operator,
    known,
  };
}

/** Puts the finger of a virtual person into the simulated SPID Server under a CPF, as if long ago. */
export async function registerFinger(
  { spid }: Pick<House, 'spid'>,
  as: 'people' | 'operators',
  cpf: string,
  of: VirtualPerson,
): Promise<void> {
  const biometrics = [toWireBiometric(FINGER, encodePng(of.impression(FINGER, 0)), 500)];
  const { status } = await call('PUT', `${spid.url}/_admin/${as}/${cpf}`, { json: { biometrics } });
  if (status !== 204) throw new StackError('failed', `the simulator did not register: ${status}`);
}
