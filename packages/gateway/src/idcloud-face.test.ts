import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type IdcloudErrorCode, idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { IDCLOUD_KEY, post, postedBody, SOMEBODY } from './gateway.fixture.ts';
import { answered, away, bank, face, goodCreate, json, startFace, working } from './idcloud-face.fixture.ts';
import { pngOf, sdkCaptureOf } from './intake/pictures.fixture.ts';

const { gateway, upstream } = await startFace([bank]);
afterAll(() => gateway.close());
afterEach(() => upstream.reset());

type Headers = Record<string, string>;
const create = (body: unknown, headers: Headers = {}, key = gateway.system.key) =>
  post(gateway, '/idcloud/processes/v1', body, { key, headers: { apikey: IDCLOUD_KEY, ...headers } });
const get = (route: string, headers: Headers = {}) =>
  fetch(`${gateway.url}/idcloud${route}`, {
    headers: { authorization: `Bearer ${gateway.system.key}`, apikey: IDCLOUD_KEY, ...headers },
  });
const accepted = async () =>
  (await gateway.context.db.query('select count(*)::int as n from transactions')).rows[0].n as number;
const expectRefusal = async (response: Response, code: IdcloudErrorCode) => {
  const { status, description } = idcloudErrors[code];
  expect([response.status, await json(response)]).toEqual([status, { error: { code: Number(code), description } }]);
};

const completed = { verdict: 'completed', upstreamStatus: '3' } as const;
const concluded = (upstreamId: string) => ({ type: 'concluded', outcome: completed, upstreamId }) as const;
const taken = (upstreamId: string) => ({ type: 'taken', upstreamId, upstreamStatus: '1' }) as const;
/** A process that IDCloud knows by an id of its own. */
const made = async (body: unknown = goodCreate(), headers: Headers = {}) => {
  const upstreamId = randomUUID();
  const result = { id: upstreamId, status: 3, unicoId: { result: 'yes' } };
  const response = await working(gateway, { event: concluded(upstreamId), result }, () => create(body, headers));
  return { id: (await json(response)).id as string, upstreamId };
};

describe('the error table', () => {
  const spent = sdkCaptureOf({ jti: 'spent' });
  const creates: [IdcloudErrorCode, unknown, Headers?][] = [
    [20001, goodCreate(), { authorization: '' }],
    [20002, goodCreate(), { apikey: '' }],
    [10501, goodCreate(), { authorization: 'Bearer nobody' }],
    [10201, goodCreate(), { apikey: 'unknown' }],
    [20003, '{', {}],
    [20003, goodCreate(), { 'content-type': 'text/plain' }],
    [20003, goodCreate(), { 'content-encoding': 'gzip' }],
    [20003, goodCreate(), { 'content-encoding': 'deflate' }],
    [20004, { imageBase64: face }],
    [20005, { ...goodCreate(), subject: {} }],
    [20006, { ...goodCreate(), subject: { code: SOMEBODY } }, { apikey: 'bank-identity-b' }],
    [20009, { subject: goodCreate().subject }],
    [20507, { ...goodCreate(), subject: { code: '12345678900' } }],
    [10506, goodCreate(), { apikey: 'bank-sdk' }],
    [10507, { ...goodCreate(), imageBase64: sdkCaptureOf({ exp: 1 }) }],
    [10508, { ...goodCreate(), imageBase64: spent }],
    [20505, { ...goodCreate(), imageBase64: 'AAAA' }],
    [20900, { ...goodCreate(), imageBase64: `${face}\n` }],
    [20506, { ...goodCreate(), imageBase64: pngOf(640, 480, { bytes: 800 * 1024 + 1 }).toString('base64') }],
    [20807, { ...goodCreate(), imageBase64: pngOf(639, 480).toString('base64') }],
    [50001, { ...goodCreate(), referenceProcessId: 'someone-elses' }],
  ];
  it.each(creates)('%i at the door', async (code, body, headers) => {
    if (code === 10508) await working(gateway, { event: concluded(randomUUID()) }, () => create(body));
    if (code === 50001) {
      const row = await made();
      await gateway.context.db.query('update transactions set owner = $2 where id = $1', [row.id, randomUUID()]);
      body = { ...goodCreate(), referenceProcessId: row.id };
    }
    const before = await accepted();
    await expectRefusal(await create(body, headers), code);
    expect(await accepted()).toBe(before);
  });

  const codes = Object.keys(idcloudErrors).map(Number) as IdcloudErrorCode[];
  it.each(codes)('%i of the upstream is repeated', async (code) => {
    const work = { event: { type: 'refused', reason: 'bad-request' }, result: { upstreamCode: String(code) } } as const;
    await expectRefusal(await working(gateway, work, () => create(goodCreate())), code);
  });

  it('20023 and 50001 of reads', async () => {
    await expectRefusal(await get('/processes/v1/'), 20023);
    await expectRefusal(await get('/processes/v2/'), 20023);
    await expectRefusal(await get('/processes/v1/no-id'), 50001);
    await expectRefusal(await get('/documents/v1'), 20005);
    await expectRefusal(await get('/documents/v1?code=12345678900&type=BR_CPF'), 20507);
    await expectRefusal(await get(`/documents/v1?code=${SOMEBODY}`), 20003);
    await expectRefusal(await get(`/processes/v1/${randomUUID()}`, { apikey: '' }), 20002);
    expect(upstream.asked).toEqual([]);
  });

  it('99999 while nothing can be stored, and nothing was accepted', async () => {
    const { vault } = gateway.context;
    gateway.context.vault = {
      ...vault,
      put: () => Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' })),
    };
    const response = await create(goodCreate());
    gateway.context.vault = vault;
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await json(response)).toMatchObject({ error: { code: 99999 } });
  });

  it('a packed body is refused before it is read, and a huge one without reading it all', async () => {
    const packed = await fetch(`${gateway.url}/idcloud/processes/v1`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.system.key}`,
        apikey: IDCLOUD_KEY,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: new Uint8Array(gzipSync(Buffer.alloc(50 << 20))),
    });
    await expectRefusal(packed, 20003);
    await expectRefusal(await create({ ...goodCreate(), imageBase64: 'A'.repeat(4 << 20) }), 20506);
  });
});

describe('create', () => {
  it('waits for the outcome, and answers in the vendor’s words under its own id', async () => {
    const result = { id: 'the-upstreams-id', status: 3, unicoId: { result: 'yes' } };
    const [response, again] = await working(gateway, { event: concluded('the-upstreams-id'), result }, async () => [
      await create(goodCreate(), { 'idempotency-key': 'k1' }),
      await create(goodCreate(), { 'idempotency-key': 'k1' }),
    ]);
    const body = await json(response as Response);
    expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), status: 3, unicoId: { result: 'yes' } });
    expect(await json(again as Response)).toEqual(body);
    const others = [
      await create({ ...goodCreate(), useCase: 'x' }, { 'idempotency-key': 'k1' }),
      await create(goodCreate(), { 'idempotency-key': 'k1', apikey: 'bank-identity-b' }),
    ];
    for (const other of others) {
      expect([other.status, await json(other)]).toMatchObject([409, { error: { code: 409 } }]);
    }
  });

  it('takes a key of 200 characters at most, and an empty one for none', async () => {
    const { id } = await json(await create(goodCreate(), { 'idempotency-key': 'x'.repeat(200) }));
    expect(await json(await create(goodCreate(), { 'idempotency-key': 'x'.repeat(200) }))).toMatchObject({ id });
    await expectRefusal(await create(goodCreate(), { 'idempotency-key': 'x'.repeat(201) }), 20003);
    const first = await json(await create(goodCreate(), { 'idempotency-key': '' }));
    expect(await json(await create(goodCreate(), { 'idempotency-key': '' }))).not.toMatchObject({ id: first.id });
  });

  it.each([
    ['nobody works', undefined, { status: 1 }],
    ['it is sent again', { event: { type: 'voided', reason: 'process-error' } }, { status: 1 }],
    [
      'it is orchestrated',
      { event: taken('x'), result: { id: 'x', status: 1, liveness: 1 } },
      { status: 1, liveness: 1 },
    ],
    ['it is in divergence', { event: { ...taken('x'), upstreamStatus: '2' } }, { status: 2 }],
    [
      'IDCloud failed every time',
      { event: { type: 'concluded', outcome: { verdict: 'contingency', upstreamStatus: '5' } } },
      { status: 5 },
    ],
    ['a person has to look', { event: { type: 'refused', reason: 'payload-tampered' } }, { status: 5 }],
  ] as const)('answers while %s', async (_what, work, expected) => {
    const response = await working(gateway, work, () => create(goodCreate()));
    const body = await json(response);
    expect([response.status, body]).toEqual([200, { id: expect.stringMatching(/^[0-9a-f-]{36}$/), ...expected }]);
    expect(await json(await get(`/processes/v1/${body.id}`))).toEqual(body);
  });

  it('posts the body as it came, byte for byte', async () => {
    const text = JSON.stringify({ ...goodCreate(), mine: 1 }, undefined, 3);
    expect(await postedBody(gateway, (await made(text)).id)).toBe(text);
  });

  it('posts names in camel case, however they came', async () => {
    const { id } = await made({ Subject: { Code: SOMEBODY, Name: 'x' }, imagebase64: face });
    expect(JSON.parse(await postedBody(gateway, id))).toEqual({
      subject: { code: SOMEBODY, name: 'x' },
      imageBase64: face,
    });
  });

  it('takes a capture of the SDK once, also where it is asked for again', async () => {
    const body = { ...goodCreate(), imageBase64: sdkCaptureOf({ jti: 'once' }) };
    const first = await create(body, { 'idempotency-key': 'sdk' });
    const again = await create(body, { 'idempotency-key': 'sdk' });
    const { id } = await json(first);
    expect(await json(again)).toMatchObject({ id });
    expect(await getTransaction(gateway.context.db, id as string)).toMatchObject({ operation: 'createSdkProcess' });
    await expectRefusal(await create(body), 10508);
    // A day later nobody could have used it for ten minutes long ago; its hash is of no use then.
    await gateway.context.db.query(`update transactions set accepted_at = now() - interval '25 hours' where id = $1`, [
      id,
    ]);
    expect((await create(body)).status).toBe(200);
  });
});

describe('advice on a face', () => {
  const dark = { ...goodCreate(), imageBase64: pngOf(1280, 720, { shade: 3 }).toString('base64') };
  /** Answers once the picture has been looked at. */
  const advised = async (body: unknown) => {
    const { pictures } = gateway.context;
    let looked: Promise<unknown> = Promise.resolve();
    const look: typeof pictures.advise = (picture) => {
      const advice = pictures.advise(picture);
      looked = advice;
      return advice;
    };
    gateway.context.pictures = { ...pictures, advise: look };
    const { enqueue } = gateway.context;
    const response = working(gateway, { event: concluded(randomUUID()), result: { status: 3 } }, async () => {
      const work = gateway.context.enqueue;
      // The look begins when the process is accepted.
      gateway.context.enqueue = async (...job) => {
        setImmediate(() => void looked.then(() => work(...job)));
      };
      return create(body);
    });
    const header = (await response).headers.get('atesto-capture-advice');
    await looked;
    gateway.context.enqueue = enqueue;
    gateway.context.pictures = pictures;
    return header;
  };

  it('stands in the answer’s header, and in the metrics', async () => {
    expect(await advised(dark)).toBe('size=ok, brightness=low, contrast=low, sharpness=low');
    const { body } = await gateway.context.metrics.expose();
    expect(body).toMatch(/atesto_capture_advice_total\{measure="brightness",word="low"\} [1-9]/);
  });

  it('holds no answer up', async () => {
    const { pictures } = gateway.context;
    gateway.context.pictures = { ...pictures, advise: () => new Promise(() => {}) };
    const work = { event: concluded(randomUUID()), result: { status: 3 } };
    const response = await working(gateway, work, () => create(dark));
    gateway.context.pictures = pictures;
    expect(response.headers.get('atesto-capture-advice')).toBe(
      'size=unmeasured, brightness=unmeasured, contrast=unmeasured, sharpness=unmeasured',
    );
  });

  it('is not given on what only IDCloud can open', async () => {
    const response = await create({ ...goodCreate(), imageBase64: sdkCaptureOf({ jti: 'advice' }) });
    expect(response.headers.get('atesto-capture-advice')).toBeNull();
  });
});

describe('processes that a body refers to', () => {
  const validation = { apikey: 'bank-validation' };
  it('are IDCloud’s own ids when it is posted, whosever they were', async () => {
    const { id, upstreamId } = await made();
    const elsewhere = randomUUID();
    const asked = (own: string) => ({
      imageBase64: face,
      referenceProcessId: own,
      references: [{ referenceType: 'REFERENCE_TYPE_PROCESS_ID', referenceContent: own }],
    });
    const ours = await made(asked(id), validation);
    expect(JSON.parse(await postedBody(gateway, ours.id))).toEqual(asked(upstreamId));
    const text = JSON.stringify(asked(elsewhere), undefined, 1);
    expect(await postedBody(gateway, (await made(text, validation)).id)).toBe(text);
  });

  it('are refused while IDCloud has given no id', async () => {
    const { id } = await json(await create(goodCreate()));
    const response = await create({ imageBase64: face, referenceProcessId: id }, validation);
    expect([response.status, await json(response)]).toMatchObject([409, { error: { code: 409 } }]);
  });

  it('are what came of the journey, for by Unico', async () => {
    const { id } = await made();
    const become = (result: object) =>
      gateway.context.db.query(`update transactions set kind = 'idcloud.unico', result = $2 where id = $1`, [
        id,
        result,
      ]);
    await become({ authenticationInfo: { authenticationId: '' } });
    const body = { imageBase64: face, referenceProcessId: id };
    expect((await create(body, validation)).status).toBe(409);
    await become({ authenticationInfo: { authenticationId: 'what-came-of-it' } });
    expect(JSON.parse(await postedBody(gateway, (await made(body, validation)).id)).referenceProcessId).toBe(
      'what-came-of-it',
    );
  });
});

describe('documents', () => {
  const documents = { apikey: 'bank-documents' };
  const answer = {
    id: 'the-upstreams',
    status: 3,
    document: { id: 'd', type: 'x', content: { cpfNumero: SOMEBODY }, fileUrls: ['https://signed.example/1'] },
  };
  const upstreamId = randomUUID();
  const accept = async () => {
    const proof = await made();
    const body = {
      subject: goodCreate().subject,
      document: { purpose: 'fgts', authProcessId: proof.id, files: [{ data: face }] },
    };
    const response = await working(gateway, { event: concluded(upstreamId), answer }, () => create(body, documents));
    return { proof, whole: await json(response) };
  };
  const age = (id: unknown) =>
    gateway.context.db.query(`update transactions set updated_at = now() - interval '9.1 minutes' where id = $1`, [id]);

  it('are answered whole, under our id, and refer to the proof by IDCloud’s', async () => {
    const { proof, whole } = await accept();
    expect(whole).toEqual({ ...answer, id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    const posted = JSON.parse(await postedBody(gateway, whole.id as string));
    expect(posted.document.authProcessId).toBe(proof.upstreamId);
    expect(await getTransaction(gateway.context.db, whole.id as string)).toMatchObject({
      kind: 'idcloud.document',
      operation: 'createDocument',
      account: 'bank',
      keyName: 'documents',
    });
    expect(await json(await get(`/processes/v1/${whole.id}`, documents))).toEqual(whole);
    expect(upstream.asked).toEqual([]);
  });

  it('have their links fetched anew before they are over', async () => {
    const { whole } = await accept();
    await age(whole.id);
    const fresh = { ...answer, document: { ...answer.document, fileUrls: ['https://signed.example/2'] } };
    upstream.answer = () => answered(200, fresh);
    expect(await json(await get(`/processes/v1/${whole.id}`, documents))).toEqual({ ...fresh, id: whole.id });
    expect(upstream.asked).toEqual([
      {
        of: { account: 'bank', keyName: 'documents' },
        operation: 'getProcess',
        request: { params: { id: upstreamId } },
      },
    ]);
  });

  it('are answered as they were while IDCloud is away, which is said', async () => {
    const { whole } = await accept();
    await age(whole.id);
    const response = await get(`/processes/v1/${whole.id}`, documents);
    expect([response.headers.get('atesto-stale'), await json(response)]).toEqual(['upstream-away', whole]);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('to use again are IDCloud’s answer as it came', async () => {
    upstream.answer = () => answered(200, '{"items":[{}]}');
    const response = await get(`/documents/v1?code=${SOMEBODY}&type=BR_CPF`, documents);
    expect([response.status, await response.text()]).toEqual([200, '{"items":[{}]}']);
    expect(upstream.asked).toMatchObject([
      {
        of: { account: 'bank', keyName: 'documents' },
        operation: 'listDocuments',
        request: { query: { code: SOMEBODY, type: 'BR_CPF' } },
      },
    ]);
  });
});

describe('reads', () => {
  it('of an id that is not ours are IDCloud’s to answer', async () => {
    const id = randomUUID();
    upstream.answer = () => answered(404, { error: { code: 50001, description: 'theirs' } });
    const response = await get(`/processes/v1/${id}`);
    expect([response.status, await json(response)]).toEqual([404, { error: { code: 50001, description: 'theirs' } }]);
    expect(upstream.asked).toMatchObject([
      { of: { account: 'idcloud', keyName: 'default' }, request: { params: { id } } },
    ]);
  });

  it('of version 2 are live and under our id; of version 1 where IDCloud does not know it', async () => {
    const { id, upstreamId } = await made();
    const second = { id: upstreamId, status: 3, processAdditionalInfo: { personName: 'Pessoa Virtual' } };
    upstream.answer = () => answered(200, second);
    expect(await json(await get(`/processes/v2/${id}`))).toEqual({ ...second, id });
    upstream.answer = () => answered(404, {});
    expect(await json(await get(`/processes/v2/${id}`))).toEqual({ id, status: 3, unicoId: { result: 'yes' } });
    const theirs = randomUUID();
    upstream.answer = (operation) =>
      operation === 'getProcess' ? answered(200, { id: theirs, status: 3 }) : answered(404, {});
    expect(await json(await get(`/processes/v2/${theirs}`))).toEqual({ id: theirs, status: 3 });
    const { id: waiting } = await json(await create(goodCreate()));
    expect(await json(await get(`/processes/v2/${waiting}`))).toEqual({ id: waiting, status: 1 });
  });

  it.each([
    ['does not answer', away, 503],
    ['has no token for us', { kind: 'unavailable', reason: 'token-refused' } as const, 503],
    ['does not take our token', answered(401, 'Jwt is expired'), 503],
    ['does not take our token, by its code', answered(403, { error: { code: 10502 } }), 503],
    ['fails', answered(500, { error: { code: 99999 } }), 503],
    ['is asked too much', answered(429, '', { 'retry-after': '7' }), 429],
  ])('are to be tried again while IDCloud %s', async (_what, answer, status) => {
    upstream.answer = () => answer;
    const response = await get(`/processes/v1/${randomUUID()}`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([status, status === 429 ? '7' : '1']);
  });

  it('of a key that was taken out are the ledger’s, and else to be tried again', async () => {
    const { id } = await made(goodCreate(), { apikey: 'bank-identity-b' });
    const { context } = gateway;
    const { idcloudAccounts } = context;
    context.idcloudAccounts = idcloudAccounts.filter(({ name }) => name !== 'bank');
    const [first, second] = [await get(`/processes/v1/${id}`), await get(`/processes/v2/${id}`)];
    context.idcloudAccounts = idcloudAccounts;
    expect([first.status, await json(first)]).toMatchObject([200, { id, status: 3 }]);
    expect([second.status, second.headers.get('retry-after'), upstream.asked]).toEqual([503, '1', []]);
  });

  it('wait for the account’s budget, and ask nothing where it is spent', async () => {
    const { beforeIdcloudRead } = gateway.context;
    gateway.context.beforeIdcloudRead = async (account) => account !== 'idcloud';
    const response = await get(`/processes/v1/${randomUUID()}`);
    gateway.context.beforeIdcloudRead = beforeIdcloudRead;
    expect([response.status, response.headers.get('retry-after'), upstream.asked]).toEqual([429, '1', []]);
  });
});
