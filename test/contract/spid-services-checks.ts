import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  captureListItem,
  SPID_SERVICES_MAX_BODY_BYTES,
  type SpidServicesCall,
  type SpidServicesRoute,
  spidServicesAnswer,
  spidServicesRoutes,
} from '@atesto/shared/contracts/spid-services';
import { servicesCases } from './spid-services-cases.ts';
import { type Answered, type Asked, ask, type Door, type ServicesHouse } from './spid-services-house.ts';
import { loggedIn, loggedOut, remoteBody } from './spid-services-steps.ts';

type Raw = Parameters<typeof ask>[3];

/** An answer without what differs from one moment to the next. */
interface Shape {
  http: number;
  type: string;
  /** The status word; `PDF`, or `list`. */
  word: string;
  /** Fields of the answer, `status` left out. */
  has: readonly string[];
  message?: string;
}

/** @throws ZodError for a field that is not in the contract */
function shapeOf({ status: http, contentType, body }: Answered): Shape {
  const type = contentType.split(';')[0] ?? '';
  if (type === 'application/pdf') {
    assert.equal(body.subarray(0, 5).toString(), '%PDF-');
    return { http, type, word: 'PDF', has: [] };
  }
  const json: unknown = JSON.parse(body.toString());
  if (Array.isArray(json)) {
    for (const item of json) captureListItem.strict().parse(item);
    return { http, type, word: 'list', has: [] };
  }
  const { status: word, message, ...rest } = spidServicesAnswer.strict().parse(json);
  const has = Object.keys({ ...rest, ...(message !== undefined && { message }) }).sort();
  return { http, type, word, has, ...(message !== undefined && { message }) };
}

interface Refused {
  given(house: ServicesHouse): Promise<Asked>;
  raw?: Raw;
  /** 200, where the session says no in its own words. */
  http?: number;
  message?: string;
}

/** Makes a call at both doors, each time from the same beginning. @throws where the doors do not answer alike */
async function atBoth(house: ServicesHouse, name: SpidServicesCall, { given, raw }: Pick<Refused, 'given' | 'raw'>) {
  const through = async (door: Door) => {
    const asked = await given(house);
    const before = await house.accepted();
    const shape = shapeOf(await ask(door, name, asked, raw));
    return { shape, accepted: (await house.accepted()) - before };
  };
  const [here, there] = [await through(house.doors[0]), await through(house.doors[1])];
  // What HTTP itself refuses, each says in words of its own.
  const message = here.shape.http === 200 ? {} : { message: here.shape.message };
  assert.deepEqual({ ...there.shape, ...message }, here.shape);
  return { ...here.shape, accepted: here.accepted + there.accepted };
}

/** In the vendor's form at both doors, and the gateway accepts nothing for sending. */
async function refused(house: ServicesHouse, { name }: Subject, expected: Refused): Promise<void> {
  const { http = 200, message, raw } = expected;
  const answer = await atBoth(house, name, expected);
  const seen = [answer.http, answer.type, answer.word, answer.accepted];
  assert.deepEqual(seen, [http, 'application/json', 'ERROR', 0], JSON.stringify(raw ?? message));
  if (message !== undefined) assert.equal(answer.message, message);
}

interface Subject {
  name: SpidServicesCall;
  row: SpidServicesRoute;
}

const variablesOf = ({ path }: SpidServicesRoute) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
const badCpf = 'the CPF is not valid: check its digits';
/** Wrong check digits, equal digits, too few, too many, none. */
const noCpfs = ['52998224724', '11111111111', '5299822472', '529982247250', 'cpf'];
const unknownTguid = 'no transaction has this TGUID';
const noTguids = ['x', '../resend', '00000000-0000-4000-8000-00000000000', '00000000-0000-4000-8000-000000000000'];
const json = { 'content-type': 'application/json' };
/** Bodies that are not read at all, by what is answered. */
const unreadable: readonly [number, Raw][] = [
  [400, { headers: json, body: '{' }],
  [400, { headers: json, body: '' }],
  [413, { headers: json, body: JSON.stringify({ clientID: 'x'.repeat(SPID_SERVICES_MAX_BODY_BYTES) }) }],
  [415, { headers: { 'content-type': 'text/plain' }, body: 'x' }],
  [415, { headers: { 'content-type': 'application/xml' }, body: '<a/>' }],
];
const bodyNeeds = 'the body needs clientID, operatorID and clientEmail';
/** Bodies that are no request, by the field that is named. */
const noRequests: readonly [string, (house: ServicesHouse) => unknown][] = [
  ['', () => []],
  ['', () => 7],
  ['clientID', () => ({})],
  ['clientID', (house) => ({ ...remoteBody(house), clientID: 52998224725 })],
  ['operatorID', (house) => ({ ...remoteBody(house), operatorID: null })],
  ['clientEmail', (house) => ({ ...remoteBody(house), clientEmail: 'pessoa' })],
  ['clientEmail', (house) => ({ ...remoteBody(house), clientEmail: `${'x'.repeat(250)}@example.com` })],
];

/** What is tried with every call, at the station and through the gateway. They throw where something is not as it has to be. */
export const servicesChecks: Readonly<Record<string, (house: ServicesHouse, subject: Subject) => Promise<void>>> = {
  'answers as its table says': async (house, { name }) => {
    for (const { word, given, has = [], accepted = false } of servicesCases[name].outcomes) {
      const answer = await atBoth(house, name, { given });
      assert.deepEqual([answer.http, answer.word, answer.has, answer.accepted > 0], [200, word, has, accepted]);
    }
  },

  'refuses what it is not the time for': async (house, subject) => {
    for (const [message, given] of Object.entries(servicesCases[subject.name].refusals))
      await refused(house, subject, { given, message });
  },

  'wants somebody logged in': async (house, subject) => {
    if (subject.name === 'login') return;
    const given = async () => {
      await loggedOut(house);
      const cpf = house.known.cpf;
      return {
        params: { cpf, tguid: randomUUID() },
        ...(subject.row.method === 'POST' && { body: remoteBody(house) }),
      };
    };
    await refused(house, subject, { given, message: 'operator not logged' });
  },

  'refuses a CPF or a TGUID that is none, and one that nobody has': async (house, subject) => {
    const refuse = (asked: Asked, message: string) => refused(house, subject, { given: async () => asked, message });
    await loggedIn(house);
    for (const variable of variablesOf(subject.row)) {
      const [values, message] = variable === 'tguid' ? [noTguids, unknownTguid] : [noCpfs, badCpf];
      for (const value of values) await refuse({ params: { [variable]: value } }, message);
    }
    if (subject.row.method === 'POST')
      for (const clientID of noCpfs) await refuse({ body: { ...remoteBody(house), clientID } }, badCpf);
  },

  'refuses a query or a body that cannot be read': async (house, subject) => {
    const { query = [], method } = subject.row;
    await loggedIn(house);
    for (const parameter of query) {
      const twice = `${parameter}=6:AMPUTATED&${parameter}=7:AMPUTATED`;
      const given = async () => ({ params: { cpf: house.known.cpf } });
      await refused(house, subject, { given, raw: { query: twice }, http: 400 });
    }
    if (method !== 'POST') return;
    for (const [http, raw] of unreadable) await refused(house, subject, { given: async () => ({}), raw, http });
    for (const [field, body] of noRequests) {
      const message = field === '' ? bodyNeeds : `${bodyNeeds}: look at ${field}`;
      await refused(house, subject, { given: async () => ({ body: body(house) }), message });
    }
  },

  'is not served under another method, nor to everybody': async (house, { name, row }) => {
    await loggedIn(house);
    const asked = { params: { id: house.operator.cpf, cpf: house.known.cpf, tguid: randomUUID() } };
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((other) => other !== row.method))
      await refused(house, { name, row }, { given: async () => asked, raw: { method }, http: 404 });
    for (const door of house.doors) assert.equal((await ask(door, name, asked, { method: 'HEAD' })).status, 404);
    const [bridge, relay] = house.doors;
    for (const [door, http] of [
      [{ ...bridge, headers: { origin: 'https://page.example' } }, 403],
      [{ ...relay, headers: {} }, 401],
    ] as const) {
      const answer = shapeOf(await ask(door, name, asked));
      assert.deepEqual([answer.http, answer.word], [http, 'ERROR']);
    }
  },
};

/** One call with its row. */
export function servicesSubject(name: SpidServicesCall): Subject {
  return { name, row: spidServicesRoutes[name] };
}
