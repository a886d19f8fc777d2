import assert from 'node:assert/strict';
import type { WebhookAuthentication } from '@atesto/shared/contracts/idcloud-accounts';
import { getTransaction, type TransactionRow } from '@atesto/shared/ledger/transactions';
import { type CourseName, testCpfs } from '@atesto/simulators/idcloud/outcomes';
import { type Said, saidIn } from '@atesto/simulators/idcloud/said.fixture';
import { type IdcloudHouse, openIdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { waitFor } from '../stack/wait-for.ts';
import { keys, portrait } from './idcloud.fixture.ts';

/** The account that everything is tried with, and those for the other ways in which notices prove themselves. */
export const BANK = 'bank';
export const webhooks = {
  bank: { type: 'basic', user: 'unico', password: 'password' },
  'bank-key': { type: 'api-key', header: 'x-notice-key', value: 'value' },
  'bank-oauth2': { type: 'oauth2', clientId: 'unico', clientSecret: 'secret' },
} as const satisfies Record<string, WebhookAuthentication>;
export type WebhookAccount = keyof typeof webhooks;

/** Gateway and workers before a simulator of accounts with a key for every capability set, in both editions. */
export function openContractHouse(): Promise<IdcloudHouse> {
  return openIdcloudHouse([
    { name: BANK, keys, webhook: webhooks.bank },
    { name: 'bank-key', keys: [], webhook: webhooks['bank-key'] },
    { name: 'bank-oauth2', keys: [], webhook: webhooks['bank-oauth2'] },
    // Whose bad assertions lock nobody else out.
    { name: 'locked', keys: [], webhook: undefined },
  ]);
}

/** A request of a program that was written for IDCloud. */
export interface Asked {
  method?: 'GET' | 'POST';
  /** Below the vendor's root. */
  route: string;
  /** Key of by Client, by our name for it. */
  key?: string;
  headers?: Record<string, string>;
  /** JSON; a text as it is. */
  body?: unknown;
}

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  json: Said;
}

async function send(root: string, token: string, { method, route, key, headers, body }: Asked): Promise<Answered> {
  const response = await fetch(`${root}${route}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      authorization: `Bearer ${token}`,
      ...(key && { apikey: `key ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: saidIn(text) };
}

/** Through the gateway's face, as a system of Atesto's. */
export function atFace(house: IdcloudHouse, asked: Asked): Promise<Answered> {
  const account = asked.key ? undefined : { 'atesto-account': BANK };
  const headers = { ...account, ...asked.headers };
  return send(`${house.gateway.url}/idcloud`, house.gateway.system.key, { ...asked, headers });
}

/** Straight at the simulator, with an access token of the account's. */
export async function atIdcloud(house: IdcloudHouse, asked: Asked): Promise<Answered> {
  return send(house.simulator.url, await house.simulator.identity.issue(), asked);
}

export const clientOf = (house: IdcloudHouse, keyName: string) => house.upstreams.client({ account: BANK, keyName });
export const unicoOf = (house: IdcloudHouse) => house.upstreams.unico({ account: BANK });

export const CREATE = '/processes/v1';
export const UNICO = '/client/v1/process';
export const subjectOf = (course: CourseName) => ({ code: testCpfs[course], name: 'Pessoa Virtual' });
/** A create call about somebody whose course is known. */
export const face = (course: CourseName = 'yes', imageBase64 = portrait) => ({
  subject: subjectOf(course),
  imageBase64,
});
export const journey = (course: CourseName = 'yes', flow = 'id', more: object = {}) => ({
  ...{ callbackUri: '/', purpose: 'creditprocess', flow },
  person: { duiType: 'DUI_TYPE_BR_CPF', duiValue: testCpfs[course], friendlyName: 'Pessoa Virtual' },
  ...more,
});
export const contract = {
  payload: [{ envelopePayload: { documents: [{ documentName: 'Contrato', fileContents: 'JVBERi0=' }] } }],
};

export function has(actual: unknown, expected: object): void {
  assert.partialDeepStrictEqual(actual, expected);
}

/** Works while every call of an operation fails: workers may ask for others meanwhile, so a fault for one call may meet theirs. */
export async function failing(
  { simulator }: IdcloudHouse,
  operation: string,
  how: { status: number; retryAfterSeconds?: number },
  work: () => Promise<void>,
): Promise<void> {
  simulator.behaviours.add({ operation, fault: { type: 'status', ...how } });
  try {
    await work();
  } finally {
    simulator.behaviours.clear();
  }
}

export async function rowOf({ gateway }: IdcloudHouse, id: string): Promise<TransactionRow> {
  const row = await getTransaction(gateway.context.db, id);
  assert(row, 'the gateway does not know its own id');
  return row;
}

export const upstreamIdOf = async (house: IdcloudHouse, id: string) => (await rowOf(house, id)).upstreamId ?? '';

/** What the face says of a process in the end. */
export async function readToEnd(house: IdcloudHouse, id: string, key: string): Promise<Answered> {
  return waitFor(
    async () => {
      const said = await atFace(house, { route: `${CREATE}/${id}`, key });
      return said.json.status === 1 || said.json.status === 2 ? undefined : said;
    },
    { what: `the end of a process with the key ${key}`, timeoutMs: 60_000, everyMs: 100 },
  );
}

/** A process that is completed, under our id. */
export async function completed(house: IdcloudHouse, key: string, body: object): Promise<string> {
  const made = await atFace(house, { route: CREATE, key, body });
  assert.equal(made.status, 200, made.text);
  has((await readToEnd(house, made.json.id, key)).json, { status: 3 });
  return made.json.id;
}
