import {
  SPID_SERVICES_BASE,
  SPID_SERVICES_MAX_BODY_BYTES,
  type SpidServicesCall,
  type SpidServicesRoute,
  spidServicesAnswer,
  spidServicesRoutes,
} from '@atesto/shared/contracts/spid-services';
import fc from 'fast-check';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANA, BIA, PERSON, Station } from './station.fixture.ts';

/** Every row of the table, given what it cannot take. What is tried follows from the row: a new one is tried as well. */

const calls = Object.entries(spidServicesRoutes) as [SpidServicesCall, SpidServicesRoute][];
const variablesOf = ({ path }: SpidServicesRoute) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
const TGUID = '00000000-0000-4000-8000-000000000000';
const remote = { clientID: PERSON, operatorID: ANA, clientEmail: 'pessoa@example.com' };

/** Values that are none, by the name of the path variable. */
const cpfs = {
  'wrong check digits': '52998224724',
  'the first check digit wrong': '52998224715',
  'equal digits': '11111111111',
  zeros: '00000000000',
  'a digit too few': '5299822472',
  'a digit too many': '529982247250',
  letters: 'abcdefghijk',
  'digits of another script': '٥٢٩٩٨٢٢٤٧٢٥',
  'a space before it': ' 52998224725',
  'a CPF and more': `${PERSON}/..`,
  'JSON of a number': '{"cpf":52998224725}',
};
const bad: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  id: cpfs,
  cpf: cpfs,
  tguid: {
    'a word': 'x',
    'a path': '../resend',
    'a character too few': TGUID.slice(1),
    'a character too many': `${TGUID}0`,
    'no hexadecimal': TGUID.replaceAll('0', 'g'),
    'a UUID in braces': `{${TGUID}}`,
    'one that nobody has': TGUID,
  },
};
/** Query values that are none, by parameter. */
const query: Readonly<Record<string, readonly string[]>> = {
  missing: ['6', '6:', '6:LOST', '10:AMPUTATED', '-1:AMPUTATED', '6:AMPUTATED;7:AMPUTATED', '6:AMPUTATED,6:AMPUTATED'],
  // Of a finger that is not named as missing.
  ...Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`missingReason.${index}`, ['accident']])),
};
/** Bodies by status; 200 where the session itself refuses them. */
const bodies: readonly [string, number, string, string?][] = [
  ['half of one', 400, '{"clientID":"'],
  ['nothing', 400, ''],
  ['too many bytes', 413, JSON.stringify({ ...remote, more: 'x'.repeat(SPID_SERVICES_MAX_BODY_BYTES) })],
  ['text', 415, JSON.stringify(remote), 'text/plain'],
  ['a form', 415, new URLSearchParams(remote).toString(), 'application/x-www-form-urlencoded'],
  ['XML', 415, '<a/>', 'application/xml'],
  ['null', 200, 'null'],
  ['a list', 200, '[]'],
  ['a number', 200, '7'],
  ['no field', 200, '{}'],
  ...Object.keys(remote).flatMap((field): [string, number, string][] => [
    [`no ${field}`, 200, JSON.stringify({ ...remote, [field]: undefined })],
    ...[7, null, true, [], {}, ''].map((value): [string, number, string] => [
      `${field} ${JSON.stringify(value)}`,
      200,
      JSON.stringify({ ...remote, [field]: value }),
    ]),
  ]),
  ...Object.entries(cpfs).map(([what, clientID]): [string, number, string] => [
    `clientID with ${what}`,
    200,
    JSON.stringify({ ...remote, clientID }),
  ]),
  ['another operator', 200, JSON.stringify({ ...remote, operatorID: BIA })],
  ['no address', 200, JSON.stringify({ ...remote, clientEmail: 'pessoa' })],
];

let station: Station;
beforeAll(async () => {
  station = await new Station().start();
  await station.login();
});
afterAll(() => station.close());

interface Given {
  params?: Record<string, string>;
  query?: string;
  body?: string;
  type?: string;
}

/** Makes a call that has to be refused: in the vendor's form, without an echo, with the session as it was and nothing taken for sending. */
async function refuse(call: SpidServicesCall, status: number, { params = {}, query, body, type }: Given) {
  const { method, path } = spidServicesRoutes[call];
  const sample: Record<string, string> = { id: BIA, cpf: PERSON, tguid: TGUID, ...params };
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(sample[name] ?? ''));
  const answer = await request(`${station.bridge?.url}${SPID_SERVICES_BASE}${filled}${query ? `?${query}` : ''}`, {
    method,
    ...(body !== undefined && { body, headers: { 'content-type': type ?? 'application/json' } }),
  });
  const text = await answer.body.text();
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([status, 'application/json; charset=utf-8']);
  const { status: word, message = '' } = spidServicesAnswer.strict().parse(JSON.parse(text));
  expect(word).toBe('ERROR');
  expect(message).not.toBe('');
  for (const value of [...Object.values(params), PERSON, remote.clientEmail])
    if (value.length > 3 && value !== TGUID) expect(message).not.toContain(value.trim());
  await unchanged();
}

async function unchanged(): Promise<void> {
  expect(await station.call('loginStatus')).toEqual({ status: 'OPERATOR_OK' });
  expect(await station.call('captureStatus')).toEqual({ status: 'IDLE' });
  expect(await station.list()).toEqual([]);
  const { transactions, captures, remotes } = station.gateway;
  expect([transactions.size, captures.size, remotes.size]).toEqual([0, 0, 0]);
  expect(station.readers.captures).toBe(0);
}

describe.each(calls.filter(([, row]) => variablesOf(row).length > 0))('%s', (call, row) => {
  it.each(variablesOf(row))('refuses a {%s} that is none', async (variable) => {
    expect(Object.keys(bad)).toContain(variable);
    for (const value of Object.values(bad[variable] ?? {})) await refuse(call, 200, { params: { [variable]: value } });
  });

  it('does not read a variable that is longer than any', async () => {
    for (const variable of variablesOf(row)) await refuse(call, 400, { params: { [variable]: '1'.repeat(65) } });
  });

  it('refuses whatever else is no CPF and no TGUID', async () => {
    const text = fc
      .oneof(fc.string({ minLength: 1, maxLength: 40 }), fc.string({ minLength: 1, maxLength: 15, unit: 'binary' }))
      // `.` and `..` are no segments of a path, and what is longer encoded does not reach the call.
      .filter((value) => !/^\.{1,2}$/.test(value) && encodeURIComponent(value.toWellFormed()).length <= 64);
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        for (const variable of variablesOf(row))
          await refuse(call, 200, { params: { [variable]: value.toWellFormed() } });
      }),
      { numRuns: 25 },
    );
  });
});

describe.each(calls.filter(([, row]) => row.query))('%s', (call, row) => {
  it.each(row.query ?? [])('refuses %s given twice, and with a value that is none', async (parameter) => {
    await refuse(call, 400, { query: `${parameter}=6:AMPUTATED&${parameter}=7:AMPUTATED` });
    expect(Object.keys(query)).toContain(parameter);
    for (const value of query[parameter] ?? [])
      await refuse(call, 200, { query: new URLSearchParams({ [parameter]: value }).toString() });
  });

  it('refuses a reason that is too long, or of more than one line', async () => {
    for (const reason of ['x'.repeat(201), 'a\nb'])
      await refuse(call, 200, {
        query: new URLSearchParams({ missing: '6:AMPUTATED', 'missingReason.6': reason }).toString(),
      });
  });
});

describe.each(calls.filter(([, row]) => row.method === 'POST'))('%s', (call) => {
  it.each(bodies)('refuses %s', async (_what, status, body, type) => {
    await refuse(call, status, { body, ...(type !== undefined && { type }) });
  });

  it('refuses names that would poison an object, as JSON that cannot be read', async () => {
    await refuse(call, 400, { body: '{"__proto__":{}}' });
  });

  it('refuses any other JSON', async () => {
    const json = fc.json({ maxDepth: 2 }).filter((text) => !/__proto__|constructor/.test(text));
    await fc.assert(
      fc.asyncProperty(json, async (body) => {
        await refuse(call, Buffer.byteLength(body) > SPID_SERVICES_MAX_BODY_BYTES ? 413 : 200, { body });
      }),
      { numRuns: 25 },
    );
  });
});

it('every call that takes nothing takes nothing: what is given is not looked at', async () => {
  const plain = calls.filter(([, row]) => variablesOf(row).length === 0 && !row.query && row.method === 'GET');
  expect(plain.map(([call]) => call)).toContain('captureStatus');
  for (const [call] of plain) {
    await station.login();
    const twice = await request(
      `${station.bridge?.url}${SPID_SERVICES_BASE}${spidServicesRoutes[call].path}?missing=1&missing=2&cpf=${PERSON}`,
    );
    expect([call, twice.statusCode]).toEqual([call, 200]);
    await twice.body.dump();
  }
});

describe('with nobody logged in', () => {
  beforeAll(async () => {
    expect(await station.call('logout')).toEqual({ status: 'OK' });
  });
  afterAll(() => station.login());

  it.each(calls.filter(([call]) => call !== 'login'))('%s says so', async (call, { method }) => {
    const seen = station.gateway.seen.length;
    const params = { cpf: PERSON, tguid: TGUID };
    const answer = await station.call(call, params, method === 'POST' ? remote : undefined);
    expect(answer).toEqual({ status: 'ERROR', message: 'operator not logged' });
    expect(station.gateway.seen).toHaveLength(seen);
  });
});
