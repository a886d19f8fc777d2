import type { VirtualPerson } from '@atesto/simulators/people/person';
import { person } from '@atesto/simulators/people/person';
import type { House, Station } from '../stack/house.ts';
import { register } from '../stack/register.ts';
import { StackError } from '../stack/stack-error.ts';

/** The branch where the journeys play, and who is in it. */
export interface Scene {
  house: House;
  dir: string;
  station: Station;
  stationId: string;
  /** Key of an upstream system, for the relay, the IDCloud face and the history. */
  systemKey: string;
  administratorKey: string;
  operator: VirtualPerson;
  /** In nobody's register at first. */
  newcomer: VirtualPerson;
  /** Registered at the platform long ago. */
  known: VirtualPerson;
  /** Says to be `known`. */
  impostor: VirtualPerson;
  /** For journeys of their own. */
  others: Record<'outage' | 'killed' | 'lost' | 'face' | 'scored', VirtualPerson>;
}

/** Registers operator and known person at the simulated platform, and enrols a station. */
export async function openScene(house: House, dir: string, report: (line: string) => void): Promise<Scene> {
  const { administratorKey } = house;
  if (!administratorKey) throw new StackError('failed', 'the gateway did not print an administrator key');
  const operator = person('operator Rosa');
  const known = person('client Ana');
  const others = {
    outage: person('client Davi'),
    killed: person('client Elis'),
    lost: person('client Bento'),
    face: person('client Lia'),
    scored: person('client Nina'),
  };
  report('operator and registered people at the simulated SPID Server');
  await register(house, 'operators', operator);
  for (const somebody of [known, others.outage]) await register(house, 'people', somebody);

  report('a virtual station, enrolled with a one-time code');
  const { key: systemKey } = await house.api<{ key: string }>(administratorKey, 'POST', '/v1/keys', {
    name: 'core banking',
  });
  const { code } = await house.api<{ code: string }>(administratorKey, 'POST', '/v1/stations/enrolments', {
    name: 'branch 12',
  });
  const station = await house.startStation({ name: 'branch-12', code });
  const [row] = await house.api<{ id: string }[]>(systemKey, 'GET', '/v1/stations');
  return {
    house,
    dir,
    station,
    stationId: row?.id ?? '',
    systemKey,
    administratorKey,
    operator,
    newcomer: person('client Caio'),
    known,
    impostor: person('impostor Igor'),
    others,
  };
}
