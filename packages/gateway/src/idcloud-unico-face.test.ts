import { randomUUID } from 'node:crypto';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { idcloudAccount, post, postedBody, SOMEBODY } from './gateway.fixture.ts';
import { answered, json, startFace, working } from './idcloud-face.fixture.ts';

const { gateway, upstream } = await startFace();
afterAll(() => gateway.close());
afterEach(() => upstream.reset());

type Headers = Record<string, string>;
const create = (body: unknown, headers: Headers = {}) =>
  post(gateway, '/idcloud/client/v1/process', body, { key: gateway.system.key, headers });
const get = (route: string, headers: Headers = {}) =>
  fetch(`${gateway.url}/idcloud${route}`, { headers: { authorization: `Bearer ${gateway.system.key}`, ...headers } });

const good = {
  callbackUri: '/',
  flow: 'id',
  purpose: 'biometryonboarding',
  person: { duiType: 'DUI_TYPE_BR_CPF', duiValue: SOMEBODY, friendlyName: 'Pessoa Virtual' },
};
const person = (change: object) => ({ ...good, person: { ...good.person, ...change } });
const notified = (channel: string, change: object = {}) =>
  person({ notifications: [{ notificationChannel: `NOTIFICATION_CHANNEL_${channel}` }], ...change });

/** A journey that IDCloud has begun, under both its ids. */
async function begun(body: unknown = good) {
  const upstreamId = randomUUID();
  const process = {
    id: upstreamId,
    state: 'PROCESS_STATE_CREATED',
    result: 'PROCESS_RESULT_UNSPECIFIED',
    userRedirectUrl: `https://cadastro.example/process/${upstreamId}`,
    token: 'signed',
  };
  const event = { type: 'taken', upstreamId, upstreamStatus: process.state } as const;
  const response = await working(gateway, { event, answer: { process } }, () => create(body));
  const answer = (await json(response)) as { process: { id: string } };
  return { id: answer.process.id, upstreamId, process, answer };
}

describe('create', () => {
  it.each<[string, unknown]>([
    ['no redirect', good],
    ['an address', { ...good, callbackUri: 'https://bank.example/back?x=1' }],
    ['an app', { ...good, callbackUri: 'br.com.pkg.app://callback' }],
    ['a flow that we do not know', { ...good, flow: 'idunicodocs_r2' }],
    ['a flow without a document', { callbackUri: '/', flow: 'idagedocumentless', purpose: 'ageverification' }],
    ['a foreign document', person({ duiType: 'DUI_TYPE_MX_CURP', duiValue: 'x' })],
    [
      'every channel',
      person({
        email: 'somebody@example.com',
        phone: '5511900000000',
        notifications: ['EMAIL', 'SMS', 'WHATSAPP'].map((c) => ({ notificationChannel: `NOTIFICATION_CHANNEL_${c}` })),
      }),
    ],
  ])('takes %s', async (_what, body) => {
    const { id, process, answer } = await begun(body);
    expect(answer).toEqual({ process: { ...process, id } });
  });

  const email = 'NOTIFICATION_CHANNEL_EMAIL';
  const phone = (channel: string) =>
    `invalid person: phone number required for notification channel ${channel}, phone number does not contain 13 chars for notification channel ${channel}`;
  it.each<[string, string, unknown]>([
    ['invalid request body', 'no JSON', '{'],
    ['invalid request body', 'a field of the wrong type', { ...good, useCase: 1 }],
    ['invalid flow', 'no flow', { ...good, flow: undefined }],
    ['invalid flow', 'no name of a flow', { ...good, flow: 'no such' }],
    ['invalid purpose', 'another purpose', { ...good, purpose: 'x' }],
    ...['', 'bank', 'http://bank.example', 'javascript:alert(1)', 'https://'].map(
      (callbackUri) =>
        [
          'invalid callbackUri: unable to parse callbackUri: parse "": empty url, invalid callbackUri: url:',
          `the callback "${callbackUri}"`,
          { ...good, callbackUri },
        ] as [string, string, unknown],
    ),
    ['invalid person: friendly name exceeds 50 characters.', 'a long name', person({ friendlyName: 'x'.repeat(51) })],
    [
      `invalid person: email required for notification channel ${email}, invalid email address for notification channel ${email}`,
      'mail to nowhere',
      notified('EMAIL', { email: 'x' }),
    ],
    [phone('NOTIFICATION_CHANNEL_WHATSAPP'), 'a short number', notified('WHATSAPP', { phone: '11900000000' })],
    [phone('NOTIFICATION_CHANNEL_SMS'), 'no number', notified('SMS')],
    [
      'idnsv2/GetPublicID request error: rpc error: code = InvalidArgument desc = invalid dui value',
      'a CPF of nobody',
      person({ duiValue: '12345678900' }),
    ],
  ])('refuses with "%s": %s', async (message, _what, body) => {
    const response = await create(body);
    expect([response.status, await json(response)]).toEqual([400, { code: 3, message, details: [] }]);
  });

  it('refuses a packed body', async () => {
    expect((await create(good, { 'content-encoding': 'gzip' })).status).toBe(400);
  });

  it.each([
    ['3', 400, 3],
    ['9', 400, 9],
    ['7', 403, 7],
    ['99999', 500, 99999],
  ])('answers a refusal of the upstream’s with its code: %s', async (upstreamCode, status, code) => {
    const work = { event: { type: 'refused', reason: 'bad-request' }, result: { upstreamCode } } as const;
    const response = await working(gateway, work, () => create(good));
    expect([response.status, await json(response)]).toMatchObject([status, { code, details: [] }]);
  });

  it('says its id while nobody has the link yet, and the whole under the same key later', async () => {
    const response = await create(good, { 'idempotency-key': 'later' });
    const body = (await json(response)) as { process: { id: string } };
    expect(response.headers.get('retry-after')).toBe('10');
    expect(body.process).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      state: 'PROCESS_STATE_CREATED',
      result: 'PROCESS_RESULT_UNSPECIFIED',
    });
    expect(await json(await get(`/client/v1/process/${body.process.id}`))).toEqual(body);
    expect(await json(await create(good, { 'idempotency-key': 'later' }))).toEqual(body);
    expect((await create({ ...good, flow: 'idlive' }, { 'idempotency-key': 'later' })).status).toBe(409);
    const long = await create(good, { 'idempotency-key': 'x'.repeat(201) });
    expect([long.status, await json(long)]).toMatchObject([400, { code: 3 }]);
  });

  it('posts the body as it came, with IDCloud’s own id of a process that it refers to', async () => {
    const text = JSON.stringify(good, undefined, 2);
    const first = await begun(text);
    expect(await postedBody(gateway, first.id)).toBe(text);
    const second = await begun({ ...good, flow: 'idtoken', bioTokenId: first.id });
    expect(JSON.parse(await postedBody(gateway, second.id)).bioTokenId).toBe(first.upstreamId);
    expect(await getTransaction(gateway.context.db, second.id)).toMatchObject({
      kind: 'idcloud.unico',
      operation: 'createUnicoProcess',
      account: 'idcloud',
      state: 'awaiting',
    });
  });
});

describe('reads', () => {
  it('are live, under our id', async () => {
    const { id, upstreamId, process } = await begun();
    const finished = { process: { ...process, state: 'PROCESS_STATE_FINISHED', result: 'PROCESS_RESULT_OK' } };
    upstream.answer = () => answered(200, finished);
    expect(await json(await get(`/client/v1/process/${id}`))).toEqual({ process: { ...finished.process, id } });
    expect(upstream.asked).toEqual([
      {
        of: expect.objectContaining({ account: 'idcloud' }),
        operation: 'getUnicoProcess',
        request: { params: { processId: upstreamId } },
      },
    ]);
  });

  it('are what is known while IDCloud is away or the budget is spent, which is said', async () => {
    const { id, answer } = await begun();
    const response = await get(`/client/v1/process/${id}`);
    expect([response.headers.get('atesto-stale'), await json(response)]).toEqual(['upstream-away', answer]);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const theirs = await get(`/client/v1/process/${randomUUID()}`);
    expect([theirs.status, await json(theirs)]).toMatchObject([503, { code: 99999 }]);
  });

  it('are what is known where the account was taken out of the settings', async () => {
    const { id, answer } = await begun();
    const { context } = gateway;
    const { idcloudAccounts } = context;
    context.idcloudAccounts = [];
    const [process, selfie] = [await get(`/client/v1/process/${id}`), await get(`/client/v1/process/${id}/selfie`)];
    context.idcloudAccounts = idcloudAccounts;
    expect([process.headers.get('atesto-stale'), await json(process)]).toEqual(['upstream-away', answer]);
    expect([selfie.status, upstream.asked]).toEqual([503, []]);
  });

  it.each([
    ['selfie', 'getSelfie', ''],
    ['selfie', 'getSelfie', '?raw=true'],
    ['evidenceset', 'getEvidenceSet', ''],
  ])('of %s pass as they came', async (route, operation, query) => {
    const { id, upstreamId } = await begun();
    upstream.answer = () => answered(200, '{ "fileContents":"AAAA", "contentType":"image/jpeg"}');
    const response = await get(`/client/v1/process/${id}/${route}${query}`);
    expect(await response.text()).toBe('{ "fileContents":"AAAA", "contentType":"image/jpeg"}');
    const request = { params: { processId: upstreamId }, ...(query && { query: { raw: 'true' } }) };
    expect(upstream.asked).toMatchObject([{ operation, request }]);
    upstream.answer = () => answered(403, { code: 7, message: 'no permission' });
    const refused = await get(`/client/v1/process/${id}/${route}`);
    expect([refused.status, await json(refused)]).toEqual([403, { code: 7, message: 'no permission' }]);
  });

  it.each([
    ['file', 'getSignedDocument'],
    ['evidence', 'getSignedDocumentEvidence'],
  ])('of a signed %s pass as they came', async (route, operation) => {
    upstream.answer = () => answered(200, '%PDF-', { 'content-type': 'application/pdf' });
    const response = await get(`/api/v1/service/${route}/${randomUUID()}`);
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['application/pdf', '%PDF-']);
    expect(upstream.asked).toMatchObject([{ operation }]);
  });

  it('of a signature say so where the account has no signature service', async () => {
    const { context } = gateway;
    const { idcloudAccounts } = context;
    context.idcloudAccounts = idcloudAccounts.map((account) => ({ ...account, signUrl: undefined }));
    const refused = await get(`/api/v1/service/file/${randomUUID()}`);
    context.idcloudAccounts = idcloudAccounts;
    expect([refused.status, await json(refused)]).toMatchObject([400, { code: 9 }]);
    expect(upstream.asked).toEqual([]);
  });

  it('refuse what is no id, what is somebody else’s and what is by Client’s', async () => {
    const malformed = await get('/client/v1/process/no-id');
    expect([malformed.status, await json(malformed)]).toMatchObject([
      400,
      { code: 3, message: 'process id is invalid' },
    ]);
    const { id } = await begun();
    const { db } = gateway.context;
    await db.query(`update transactions set kind = 'idcloud.process' where id = $1`, [id]);
    expect((await get(`/client/v1/process/${id}`)).status).toBe(404);
    await db.query(`update transactions set kind = 'idcloud.unico', owner = $2 where id = $1`, [id, randomUUID()]);
    const hidden = await get(`/client/v1/process/${id}/selfie`);
    expect([hidden.status, await json(hidden)]).toMatchObject([404, { code: 5 }]);
    expect(upstream.asked).toEqual([]);
  });
});

describe('whose account', () => {
  it('is said in plain text where nobody is known', async () => {
    const missing = await get(`/client/v1/process/${randomUUID()}`, { authorization: '' });
    expect([missing.status, await missing.text()]).toEqual([401, 'Jwt is missing']);
    const unknown = await get(`/client/v1/process/${randomUUID()}`, { authorization: 'Bearer nobody' });
    expect([unknown.status, await unknown.text()]).toEqual([401, 'Jwt verification fails']);
    const station = await get(`/client/v1/process/${randomUUID()}`, { authorization: `Bearer ${gateway.station.key}` });
    expect([station.status, await json(station)]).toMatchObject([403, { code: 7 }]);
  });

  it('is the one that the caller names, where several have by Unico', async () => {
    const { idcloudAccounts } = gateway.context;
    const asked = async (names: string[], headers: Headers = {}) => {
      gateway.context.idcloudAccounts = names.map((name) => ({ ...idcloudAccount, name }));
      const response = await create(good, headers);
      const body = (await json(response)) as { code?: number; process?: { id: string } };
      const row = body.process && (await getTransaction(gateway.context.db, body.process.id));
      return row ? row.account : body.code;
    };
    expect(await asked([])).toBe(9);
    expect(await asked(['one'])).toBe('one');
    expect(await asked(['one'], { 'atesto-account': 'two' })).toBe(3);
    expect(await asked(['one', 'two'])).toBe(3);
    expect(await asked(['one', 'two'], { 'atesto-account': 'two' })).toBe('two');
    gateway.context.idcloudAccounts = idcloudAccounts;
  });
});
