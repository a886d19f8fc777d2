import { randomUUID } from 'node:crypto';
import type { IdcloudAccount, WebhookAuthentication } from '@atesto/shared/contracts/idcloud-accounts';
import { takeNotice, takeParked } from '@atesto/shared/ledger/notices';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { IDCLOUD_KEY, idcloudAccount, post, startTestGateway } from './gateway.fixture.ts';
import { goodCreate, working } from './idcloud-face.fixture.ts';
import { CLOCK_TOLERANCE_MS } from './intake/clock-tolerance.ts';
import { issueToken, TOKEN_SECONDS } from './intake/webhook-authentication.ts';

const registered = {
  basic: { type: 'basic', user: 'unico', password: 'pass:word' },
  'api-key': { type: 'api-key', header: 'x-key', value: 'the value' },
  bare: { type: 'api-key', header: 'authorization', value: 'the value' },
  oauth2: { type: 'oauth2', clientId: 'unico', clientSecret: 'a secret' },
} as const satisfies Record<string, WebhookAuthentication>;
/** What was registered until a moment ago. */
const before: Record<string, WebhookAuthentication> = {
  'api-key': { type: 'api-key', header: 'x-key', value: 'the value before' },
  oauth2: { type: 'oauth2', clientId: 'unico', clientSecret: 'the secret before' },
};
const accounts = Object.entries(registered).map(([name, webhook]): IdcloudAccount => {
  const keys = idcloudAccount.keys.map((key) => ({ ...key, apiKey: `${name}-${key.apiKey}` }));
  return { ...idcloudAccount, name, keys, webhook, webhookBefore: before[name] };
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({}, { idcloudAccounts: accounts });
});
afterAll(() => gateway?.close());

type Headers = Record<string, string>;
const call = (path: string, body: string, headers: Headers) =>
  fetch(`${gateway.url}/webhooks/idcloud/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
const BASIC = { authorization: `Basic ${Buffer.from('unico:pass:word').toString('base64')}` };
const notify = (processId: string, account = 'basic', headers: Headers = BASIC) =>
  call(account, JSON.stringify({ processId, state: 'PROCESS_STATE_FINISHED', flow: 'id' }), headers);

const token = async (form: Record<string, string>, headers: Headers = {}) => {
  const response = await call('oauth2/token', new URLSearchParams(form).toString(), {
    'content-type': 'application/x-www-form-urlencoded',
    ...headers,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const grant = { grant_type: 'client_credentials', client_id: 'unico', client_secret: 'a secret' };

/** A process that waits for its answer at IDCloud, and is not due for an hour. */
async function waiting(account = 'basic') {
  const upstreamId = randomUUID();
  const event = { type: 'taken', upstreamId, upstreamStatus: '1' } as const;
  const response = await working(gateway, { event, dueInMs: 3_600_000 }, () =>
    post(gateway, '/idcloud/processes/v1', goodCreate(), {
      key: gateway.system.key,
      headers: { apikey: `${account}-${IDCLOUD_KEY}` },
    }),
  );
  return { id: ((await response.json()) as { id: string }).id, upstreamId };
}
const isDue = async (id: string) => {
  const row = await getTransaction(gateway.context.db, id);
  return row?.state === 'awaiting' && (row.dueAt?.getTime() ?? Infinity) <= Date.now() + 1_000;
};
const parked = async (upstreamId: string) =>
  (await gateway.context.db.query('select from parked_notices where upstream_id = $1', [upstreamId])).rowCount;

describe('authentication', () => {
  const bearer = async () => ({ authorization: `Bearer ${(await token(grant)).body.access_token}` });
  it.each<[string, () => Headers | Promise<Headers>]>([
    ['basic', () => BASIC],
    ['api-key', () => ({ 'x-key': 'the value' })],
    ['bare', () => ({ authorization: 'the value' })],
    ['oauth2', bearer],
  ])('%s opens its own account and no other', async (name, headers) => {
    for (const { name: account } of accounts) {
      const response = await notify(randomUUID(), account, await headers());
      expect([account, response.status]).toEqual([account, account === name ? 204 : 401]);
    }
  });

  it.each<[string, string, Headers]>([
    ['nothing', 'basic', {}],
    ['another password', 'basic', { authorization: `Basic ${Buffer.from('unico:x').toString('base64')}` }],
    ['an empty value', 'api-key', { 'x-key': '' }],
    ['a part of the value', 'api-key', { 'x-key': 'the valu' }],
    ['a token that nobody gave', 'oauth2', { authorization: 'Bearer 9999999999.AAAA' }],
    ['a system’s key', 'oauth2', { authorization: 'Bearer ak_x' }],
  ])('refuses %s', async (_what, account, headers) => {
    expect((await notify(randomUUID(), account, headers)).status).toBe(401);
  });

  it.each<[string, () => Headers | Promise<Headers>]>([
    ['api-key', () => ({ 'x-key': 'the value before' })],
    [
      'oauth2',
      async () => {
        const { body } = await token({ ...grant, client_secret: 'the secret before' });
        return { authorization: `Bearer ${body.access_token}` };
      },
    ],
  ])('honours what was registered before, while the secret of %s is changed', async (account, headers) => {
    expect((await notify(randomUUID(), account, await headers())).status).toBe(204);
  });

  it('counts guesses against the limit', async () => {
    expect((await notify(randomUUID(), 'basic', {})).headers.get('x-ratelimit-limit')).toBe('6000');
  });

  it('does not know accounts that are not there, or that have no webhook', async () => {
    expect((await notify(randomUUID(), 'nobody')).status).toBe(404);
    expect((await notify(randomUUID(), 'idcloud')).status).toBe(404);
    expect((await call('basic/token', '', {})).status).toBe(404);
  });

  it('gives tokens for client credentials, in the body or as Basic', async () => {
    expect(await token(grant)).toEqual({
      status: 200,
      body: { access_token: expect.any(String), token_type: 'Bearer', expires_in: TOKEN_SECONDS },
    });
    const basic = { authorization: `Basic ${Buffer.from('unico:a secret').toString('base64')}` };
    expect((await token({ grant_type: 'client_credentials' }, basic)).status).toBe(200);
    const inJson = await call('oauth2/token', JSON.stringify(grant), {});
    expect(inJson.status).toBe(200);
  });

  it.each([
    [{ ...grant, client_secret: 'x' }, 401, 'invalid_client'],
    [{ ...grant, client_id: 'x' }, 401, 'invalid_client'],
    [{ grant_type: 'client_credentials' }, 401, 'invalid_client'],
    [{ ...grant, grant_type: 'password' }, 400, 'unsupported_grant_type'],
    [{}, 400, 'invalid_request'],
  ])('gives no token for %o', async (form, status, error) => {
    expect(await token(form as Record<string, string>)).toEqual({ status, body: { error } });
  });

  it('takes no token that is over, of another account or of another secret', async () => {
    const { keyRing } = gateway.context;
    const { oauth2 } = registered;
    const asked = async (given: string) =>
      (await notify(randomUUID(), 'oauth2', { authorization: `Bearer ${given}` })).status;
    expect(await asked(issueToken(keyRing, 'oauth2', oauth2, Date.now()))).toBe(204);
    expect(
      await asked(issueToken(keyRing, 'oauth2', oauth2, Date.now() - TOKEN_SECONDS * 1000 - CLOCK_TOLERANCE_MS)),
    ).toBe(401);
    // Of a gateway whose clock is ten minutes behind or ahead of this one's.
    expect(await asked(issueToken(keyRing, 'oauth2', oauth2, Date.now() - 600_000))).toBe(204);
    expect(await asked(issueToken(keyRing, 'oauth2', oauth2, Date.now() + 600_000))).toBe(204);
    expect(await asked(issueToken(keyRing, 'other', oauth2, Date.now()))).toBe(401);
    expect(await asked(issueToken(keyRing, 'oauth2', { ...oauth2, clientSecret: 'old' }, Date.now()))).toBe(401);
    const [end, mac] = issueToken(keyRing, 'oauth2', oauth2, Date.now()).split('.');
    expect(await asked(`${Number(end) + 1}.${mac}`)).toBe(401);
  });
});

describe('a notice', () => {
  it('makes the question due, any number of times, and changes nothing else', async () => {
    const { id, upstreamId } = await waiting();
    expect(await isDue(id)).toBe(false);
    for (let i = 0; i < 3; i++) expect((await notify(upstreamId)).status).toBe(204);
    expect(await isDue(id)).toBe(true);
    expect(await getTransaction(gateway.context.db, id)).toMatchObject({ state: 'awaiting', version: 2 });
  });

  it('counts, whatever stands beside its id', async () => {
    const { id, upstreamId } = await waiting();
    const told = { processId: upstreamId, state: 7, flow: null, lastEvent: {}, lastEventDescription: [] };
    expect((await call('basic', JSON.stringify(told), BASIC)).status).toBe(204);
    expect(await isDue(id)).toBe(true);
  });

  it('of another account makes nothing due', async () => {
    const { id, upstreamId } = await waiting();
    await notify(upstreamId, 'api-key', { 'x-key': 'the value' });
    expect(await isDue(id)).toBe(false);
  });

  it('that is not believed is never taken for a result, whatever it says', async () => {
    const { id, upstreamId } = await waiting();
    const told = {
      processId: upstreamId,
      state: 'FINISHED',
      result: 'yes',
      status: 3,
      unknown: { a: [1] },
      lastEvent: 'NEW',
    };
    expect((await call('basic', JSON.stringify(told), BASIC)).status).toBe(204);
    expect(await getTransaction(gateway.context.db, id)).toMatchObject({ state: 'awaiting', verdict: undefined });
  });

  it('that comes before the create’s answer is kept until then', async () => {
    const { db } = gateway.context;
    const { id, upstreamId } = await waiting();
    await db.query('update transactions set upstream_id = null where id = $1', [id]);
    await notify(upstreamId);
    await notify(upstreamId);
    expect([await isDue(id), await parked(upstreamId)]).toEqual([false, 1]);
    await db.query('update transactions set upstream_id = $2 where id = $1', [id, upstreamId]);
    expect(await takeParked(db, 'basic', upstreamId)).toBe(true);
    expect([await isDue(id), await parked(upstreamId)]).toEqual([true, 0]);
    expect(await takeParked(db, 'basic', upstreamId)).toBe(false);
  });

  it('is never lost between parking and taking up', async () => {
    const { db } = gateway.context;
    for (let i = 0; i < 20; i++) {
      const { id, upstreamId } = await waiting();
      await db.query('update transactions set upstream_id = null where id = $1', [id]);
      const written = async () => {
        await db.query('update transactions set upstream_id = $2 where id = $1', [id, upstreamId]);
        await takeParked(db, 'basic', upstreamId);
      };
      await Promise.all([takeNotice(db, 'basic', upstreamId), written()]);
      expect([await isDue(id), await parked(upstreamId)]).toEqual([true, 0]);
    }
  });

  it('that comes after the end is nothing', async () => {
    const { db } = gateway.context;
    const { id, upstreamId } = await waiting();
    await db.query(`update transactions set state = 'concluded', due_at = null where id = $1`, [id]);
    expect(await takeNotice(db, 'basic', upstreamId)).toBe('settled');
    expect(await getTransaction(db, id)).toMatchObject({ state: 'concluded', dueAt: undefined });
  });

  it('of which nobody hears for 30 days is forgotten', async () => {
    const { db } = gateway.context;
    const [old, young] = [randomUUID(), randomUUID()];
    await notify(old);
    await db.query(`update parked_notices set received_at = now() - interval '31 days' where upstream_id = $1`, [old]);
    await notify(young);
    expect([await parked(old), await parked(young)]).toEqual([0, 1]);
  });

  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['no id', '{"state":"x"}'],
    ['an id that is a number', '{"processId":7}'],
    ['an endless id', JSON.stringify({ processId: 'x'.repeat(129) })],
  ])('is refused: %s', async (_what, body) => {
    expect((await call('basic', body, BASIC)).status).toBe(400);
  });

  it('is refused beyond 64 KiB', async () => {
    const body = JSON.stringify({ processId: 'x', lastEventDescription: 'x'.repeat(65_536) });
    expect((await call('basic', body, BASIC)).status).toBe(413);
  });

  it('leaves no id in the log, and is counted', async () => {
    const { upstreamId } = await waiting();
    await notify(upstreamId);
    expect(gateway.logged()).not.toContain(upstreamId);
    const { body } = await gateway.context.metrics.expose();
    expect(body).toMatch(/atesto_webhook_notices_total\{outcome="due"\} [1-9]/);
  });
});

it('gives tokens sixty times a minute', async () => {
  const ask = () => call('oauth2/token', '{}', {});
  for (let i = 0; i < 60; i++) await (await ask()).arrayBuffer();
  const limited = await ask();
  expect([limited.status, Number(limited.headers.get('retry-after')) > 0]).toEqual([429, true]);
});
