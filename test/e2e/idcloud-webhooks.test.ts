import type { IdcloudKey, WebhookAuthentication } from '@atesto/shared/contracts/idcloud-accounts';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { testCpfs } from '@atesto/simulators/idcloud/outcomes';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type IdcloudHouse, openIdcloudHouse, portrait } from './idcloud-house.fixture.ts';

const ways = {
  basic: { type: 'basic', user: 'unico', password: 'password' },
  'api-key': { type: 'api-key', header: 'x-key', value: 'value' },
  oauth2: { type: 'oauth2', clientId: 'unico', clientSecret: 'secret' },
} as const satisfies Record<string, WebhookAuthentication>;
type Way = keyof typeof ways;
const names = Object.keys(ways) as Way[];

const keyOf = (name: Way): IdcloudKey => ({
  ...{ name: 'score', apiKey: `key ${name}`, capabilities: ['liveness', 'identity', 'score'] },
  ...{ edition: 'D', sdkOnly: false },
});

let house: IdcloudHouse;
beforeAll(async () => {
  house = await openIdcloudHouse(names.map((name) => ({ name, keys: [keyOf(name)], webhook: ways[name] })));
});
afterAll(() => house?.close());

/** Has the simulator send its notices to the gateway, as the account's way is registered. */
async function register(name: Way, how: object): Promise<void> {
  const url = `${house.gateway.url}/webhooks/idcloud/${name}`;
  const webhook = { url, authentication: ways[name], tokenUrl: `${url}/token`, intervalMs: 50, ...how };
  const response = await fetch(`${house.simulator.url}/_admin/accounts/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ webhook }),
  });
  expect(response.status).toBe(204);
}

async function post(route: string, headers: Record<string, string>, body: object): Promise<unknown> {
  const response = await house.call('POST', route, headers, body);
  expect(response.status).toBe(200);
  return response.json();
}

async function create(name: Way): Promise<string> {
  const body = { subject: { code: testCpfs['score-high'] }, imageBase64: portrait };
  return ((await post('/processes/v1', { apikey: `key ${name}` }, body)) as { id: string }).id;
}

it.each(names)('a journey’s end is asked for when its notice comes (%s)', async (name) => {
  await register(name, {});
  const body = {
    ...{ callbackUri: '/', flow: 'id', purpose: 'biometryonboarding' },
    person: { duiType: 'DUI_TYPE_BR_CPF', duiValue: testCpfs.yes },
  };
  const answer = (await post('/client/v1/process', { 'atesto-account': name }, body)) as { process: { id: string } };
  const { id } = answer.process;
  const { upstreamId = '' } = (await getTransaction(house.gateway.context.db, id)) as TransactionRow;
  expect(house.simulator.unico.finish(upstreamId)).toBeTruthy();
  // Without a notice it is asked for after 8 s at the earliest.
  expect(await house.ended(id, 7_000)).toMatchObject({ verdict: 'match', upstreamStatus: 'PROCESS_RESULT_OK' });
  expect(house.simulator.webhooks.deliveries).toContainEqual({ processId: upstreamId, attempt: 1, status: 204 });
});

it('a notice that comes before the create’s answer is taken up by the worker that writes the answer down', async () => {
  await register('basic', { beforeAnswer: true });
  const id = await create('basic');
  expect(await house.ended(id, 20_000)).toMatchObject({ verdict: 'completed', result: { status: 3, score: 72 } });
  const { body } = await house.gateway.context.metrics.expose();
  expect(body).toMatch(/atesto_webhook_notices_total\{outcome="parked"\} 1/);
  expect((await house.gateway.context.db.query('select from parked_notices')).rowCount).toBe(0);
});

it('notices may come twice and in any order', async () => {
  await register('api-key', { duplicates: 1, spreadMs: 400 });
  const ids = await Promise.all(Array.from({ length: 6 }, () => create('api-key')));
  for (const process of house.simulator.processes.all()) house.simulator.processes.finish(process.id);
  for (const id of ids)
    expect(await house.ended(id, 20_000)).toMatchObject({ verdict: 'completed', result: { score: 72 } });
  await house.simulator.webhooks.idle();
  expect(new Set(house.simulator.webhooks.deliveries.map(({ status }) => status))).toEqual(new Set([204]));
});
