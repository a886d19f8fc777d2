import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { nonexistentCpf } from '@atesto/simulators/idcloud/outcomes';
import type { IdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { bodyOf } from './idcloud.fixture.ts';
import {
  type Asked,
  atFace,
  atIdcloud,
  BANK,
  failing,
  has,
  journey,
  UNICO,
  unicoOf,
  upstreamIdOf,
} from './idcloud-contract-house.ts';
import type { ContractLine } from './run-contract.ts';

/** Errors of by Unico: what is asked, of IDCloud and of the face, and what both say. */
type Row = readonly [code: string, what: string, check: (house: IdcloudHouse) => Promise<void>];

const person = (fields: object) => journey('yes', 'id', { person: { ...journey().person, ...fields } });
const notify = (channel: string) => ({ notifications: [{ notificationChannel: `NOTIFICATION_CHANNEL_${channel}` }] });

/** Both say the same; nothing is created. */
async function both(house: IdcloudHouse, asked: Asked, status: number, said: object | string): Promise<void> {
  const before = house.simulator.unico.all().length;
  for (const answer of [await atIdcloud(house, asked), await atFace(house, asked)]) {
    assert.equal(answer.status, status, answer.text);
    if (typeof said === 'string') assert.equal(answer.text, said);
    else has(answer.json, said);
  }
  assert.equal(house.simulator.unico.all().length, before);
}

const invalid = (what: string, body: object, message: string): Row => [
  '3',
  what,
  (house) => both(house, { route: UNICO, body }, 400, { code: 3, message, details: [] }),
];
const noDui = 'idnsv2/GetPublicID request error: rpc error: code = InvalidArgument desc = invalid dui value';

const rows: readonly Row[] = [
  invalid('a flow that is none', { ...journey(), flow: '' }, 'invalid flow'),
  invalid('a purpose that is none', { ...journey(), purpose: 'fun' }, 'invalid purpose'),
  invalid(
    'no callback',
    { ...journey(), callbackUri: '' },
    'invalid callbackUri: unable to parse callbackUri: parse "": empty url, invalid callbackUri: url:',
  ),
  invalid(
    'a name of 51 characters',
    person({ friendlyName: 'x'.repeat(51) }),
    'invalid person: friendly name exceeds 50 characters.',
  ),
  invalid(
    'an e-mail notice without an address',
    person(notify('EMAIL')),
    'invalid person: email required for notification channel NOTIFICATION_CHANNEL_EMAIL, invalid email address for notification channel NOTIFICATION_CHANNEL_EMAIL',
  ),
  invalid(
    'a WhatsApp notice without a phone',
    person(notify('WHATSAPP')),
    'invalid person: phone number required for notification channel NOTIFICATION_CHANNEL_WHATSAPP, phone number does not contain 13 chars for notification channel NOTIFICATION_CHANNEL_WHATSAPP',
  ),
  invalid('a CPF that is none', person({ duiValue: '12345678900' }), noDui),
  [
    '3',
    'what only IDCloud knows, by way of a worker',
    async (house) => {
      const body = person({ duiValue: nonexistentCpf });
      has(await atIdcloud(house, { route: UNICO, body }), { status: 400, json: { code: 3, message: noDui } });
      has(await unicoOf(house).submit('idcloud.unico', bodyOf(body)), { kind: 'refused', upstreamCode: '3' });
      // Its text is not kept: it may name people.
      const message = 'IDCloud refused the request: invalid argument';
      has(await atFace(house, { route: UNICO, body }), { status: 400, json: { code: 3, message } });
    },
  ],
  [
    '3',
    'a process id that is none',
    (house) => both(house, { route: `${UNICO}/x` }, 400, { code: 3, message: 'process id is invalid' }),
  ],
  [
    '5',
    'a process that is not there',
    (house) =>
      both(house, { route: `${UNICO}/${randomUUID()}` }, 404, {
        code: 5,
        message: 'error getting process: rpc error: code = NotFound desc = process not found',
      }),
  ],
  [
    '7',
    'a selfie that nobody may see (idsmart)',
    async (house) => {
      const body = journey('yes', 'idsmart', { useCase: 'USE_CASE_LOGIN' });
      const { json } = await atFace(house, { route: UNICO, body });
      const theirs = await upstreamIdOf(house, json.process.id);
      await both(house, { route: `${UNICO}/${theirs}/selfie` }, 403, { code: 7, message: 'no permission' });
      has(await unicoOf(house).selfie(theirs), { kind: 'unavailable', reason: 'forbidden' });
    },
  ],
  [
    '9',
    'a flow that the account has no keys for',
    async (house) => {
      const account = house.simulator.accounts.find(({ name }) => name === BANK);
      assert(account);
      account.flows = ['idlive'];
      await both(house, { route: UNICO, body: journey() }, 400, { code: 9, message: 'XX ID Apikeys are not set' });
      has(await unicoOf(house).submit('idcloud.unico', bodyOf(journey())), { kind: 'refused', upstreamCode: '9' });
      account.flows = undefined;
    },
  ],
  [
    '401',
    'Jwt is missing',
    (house) => both(house, { route: UNICO, body: journey(), headers: { authorization: '' } }, 401, 'Jwt is missing'),
  ],
  [
    '401',
    'Jwt verification fails',
    (house) =>
      both(
        house,
        { route: UNICO, body: journey(), headers: { authorization: 'Bearer a.b.c' } },
        401,
        'Jwt verification fails',
      ),
  ],
  ...(['Jwt is expired', 'Jwt header is an invalid JSON'] as const).map(
    (text): Row => ['401', `${text}: another token, and again`, (house) => renewed(house, text)],
  ),
  [
    '429',
    'too many calls',
    (house) =>
      failing(house, 'getUnicoProcess', { status: 429, retryAfterSeconds: 1 }, async () => {
        has(await unicoOf(house).process(randomUUID()), { kind: 'throttled', retryAfterMs: 1_000 });
        const { status, headers, json } = await atFace(house, { route: `${UNICO}/${randomUUID()}` });
        assert.deepEqual([status, headers.get('retry-after'), json.code], [429, '1', 8]);
      }),
  ],
  [
    '99999',
    'internal failure',
    (house) =>
      failing(house, 'getUnicoProcess', { status: 500 }, async () => {
        const read = await unicoOf(house).process(randomUUID());
        has(read, { kind: 'unavailable', reason: 'server-error', upstreamCode: '99999' });
        // IDCloud's failure is no answer to a read: it may be asked again.
        has(await atFace(house, { route: `${UNICO}/${randomUUID()}` }), { status: 503, json: { code: 99999 } });
      }),
  ],
  [
    'Sucess',
    'the signature service fails, in its own words',
    (house) =>
      failing(house, 'getSignedDocument', { status: 500 }, async () => {
        const route = `/api/v1/service/file/${randomUUID()}`;
        has(await atIdcloud(house, { route }), { status: 500, json: { Sucess: false } });
        has(await unicoOf(house).signedDocument(randomUUID()), { kind: 'unavailable', reason: 'server-error' });
        has(await atFace(house, { route }), { status: 503, json: { code: 99999 } });
      }),
  ],
];

/** The proxy would not have the token: a journey is created all the same, once. */
async function renewed(house: IdcloudHouse, text: string): Promise<void> {
  const header = text === 'Jwt is expired' ? await house.simulator.identity.issue() : 'x';
  if (text === 'Jwt is expired') house.later(3_600_001);
  const headers = { authorization: `Bearer ${header}` };
  const said = await atIdcloud(house, { route: `${UNICO}/${randomUUID()}`, headers });
  has(said, { status: 401, text });
  const before = house.simulator.unico.all().length;
  const fault = { type: 'status', status: 401, code: text } as const;
  house.simulator.behaviours.add({ operation: 'createUnicoProcess', fault, times: 1 });
  has(await atFace(house, { route: UNICO, body: journey() }), { status: 200 });
  assert.equal(house.simulator.unico.all().length, before + 1);
}

/** Every error of by Unico. */
export function unicoErrorLines(house: () => IdcloudHouse): ContractLine[] {
  return rows.map(([code, what, check]) => ({
    line: `error by Unico  ${code}  ${what}  client simulator face`,
    checks: [['said', () => check(house())]],
  }));
}
