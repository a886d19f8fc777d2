import { idcloudOperations } from '@atesto/shared/contracts/idcloud-client';
import { unicoOperations } from '@atesto/shared/contracts/idcloud-unico';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import { describe, expect, it } from 'vitest';
import { type Caller, key, openCaller, pair, picture, portrait } from './caller.fixture.ts';
import { type CourseName, courseMeanings, courseNames, nonexistentCpf, testCpfs } from './outcomes.ts';

const keys = [
  key('L', ['liveness']),
  key('LI', ['liveness', 'identity']),
  key('I', ['identity']),
  key('V', ['liveness', 'validation']),
  key('V-B', ['liveness', 'validation'], 'B'),
  key('LIB', ['liveness', 'identity', 'behaviour']),
  key('LIB-B', ['liveness', 'identity', 'behaviour'], 'B'),
  key('LIS', ['liveness', 'identity', 'score']),
  key('LIBS', ['liveness', 'identity', 'behaviour', 'score']),
  key('LIBS-B', ['liveness', 'identity', 'behaviour', 'score'], 'B'),
  key('D', ['documents']),
  key('D-B', ['documents'], 'B'),
  key('LI-B', ['liveness', 'identity'], 'B'),
  { ...key('sdk', ['liveness', 'identity']), sdkOnly: true },
];
const name = 'Pessoa Virtual';
const face = (course: CourseName, more: object = {}) => ({
  subject: { code: testCpfs[course], name },
  imageBase64: portrait,
  ...more,
});
const open = (options = {}) => openCaller({ apiKeys: keys, ...options });

const yes = { unicoId: { result: 'yes' } };
const no = { unicoId: { result: 'no' } };
const unclear = { unicoId: { result: 'inconclusive' } };
const quiet = { identityFraudsters: { result: 'inconclusive' } };
const alarm = { identityFraudsters: { result: 'yes' } };

/** Answers of create and of each get after it: section 8.1. */
const scenarios: [apiKey: string, CourseName, ...answers: object[]][] = [
  ['L', 'yes', { status: 3, liveness: 1 }],
  ['L', 'inconclusive-not-live', { status: 3, liveness: 2 }],
  ['LI', 'yes', { status: 3, ...yes }],
  ['LI', 'no', { status: 3, ...no }],
  ['LI', 'inconclusive-live', { status: 3, ...unclear, liveness: 1 }],
  ['LI', 'inconclusive-not-live', { status: 3, ...unclear, liveness: 2 }],
  ['I', 'inconclusive-not-live', { status: 3, ...unclear, liveness: 1 }],
  ['LI', 'divergence', { status: 3, ...unclear, liveness: 1 }],
  ['LIB', 'yes', { status: 3, ...yes, ...quiet }],
  ['LIB', 'fraud', { status: 3, ...yes, ...alarm }],
  ['LIB', 'inconclusive-live', { status: 3, ...unclear, ...quiet, liveness: 1 }],
  ['LIB-B', 'fraud', { status: 1, ...yes }, { status: 3, ...yes, ...alarm }],
  ['LIS', 'yes', { status: 3, ...yes }],
  ['LIS', 'no', { status: 3, ...no }],
  ['LIS', 'inconclusive-not-live', { status: 3, ...unclear, liveness: 2 }],
  [
    'LIS',
    'inconclusive-live',
    { status: 1, ...unclear, liveness: 1 },
    { status: 3, ...unclear, liveness: 1, score: 28 },
  ],
  ['LIS', 'score-low', { status: 1, ...unclear, liveness: 1 }, { status: 3, ...unclear, liveness: 1, score: -63 }],
  ['LIS', 'score-zero', { status: 1, ...unclear, liveness: 1 }, { status: 3, ...unclear, liveness: 1, score: 0 }],
  [
    'LIS',
    'divergence',
    { status: 1, ...unclear, liveness: 1 },
    { status: 2, ...unclear, liveness: 1 },
    { status: 3, ...unclear, liveness: 1, score: 28 },
  ],
  [
    'LIS',
    'divergence-at-create',
    { status: 2, ...unclear, liveness: 1 },
    { status: 3, ...unclear, liveness: 1, score: 28 },
  ],
  ['LIS', 'divergence-for-ever', { status: 1, ...unclear, liveness: 1 }, { status: 2, ...unclear, liveness: 1 }],
  ['LIBS', 'fraud-inconclusive', { status: 3, ...unclear, ...alarm, liveness: 1 }],
  [
    'LIBS',
    'score-high',
    { status: 1, ...unclear, ...quiet, liveness: 1 },
    { status: 3, ...unclear, ...quiet, liveness: 1, score: 72 },
  ],
  [
    'LIBS-B',
    'score-high',
    { status: 1, ...unclear, liveness: 1 },
    { status: 3, ...unclear, ...quiet, liveness: 1, score: 72 },
  ],
  ['LI', 'processing', { status: 1 }, { status: 3, ...yes }],
  ['LI', 'processing-error', { status: 1 }, { status: 5 }],
  ['LI', 'processing-cancelled', { status: 1 }, { status: 4 }],
  ['LI', 'cancelled', { status: 4 }],
  ['LI', 'error', { status: 5 }],
  ['LI', 'unknown-status', { status: 9 }],
];

describe('a process with a face', () => {
  it.each(scenarios)('of key %s and course %s', async (apiKey, course, ...answers) => {
    const { call } = await open();
    const created = await call('POST', '/processes/v1', { apiKey, body: face(course) });
    const { id } = created.body;
    expect(created.body).toEqual({ id, ...answers[0] });
    for (const answer of [...answers.slice(1), answers.at(-1)]) {
      expect((await call('GET', `/processes/v1/${id}`, { apiKey })).body).toEqual({ id, ...answer });
    }
  });

  it('fails once for one, and always for another', async () => {
    const { call } = await open();
    const statusOf = async (course: CourseName) =>
      (await call('POST', '/processes/v1', { apiKey: 'LI', body: face(course) })).body.status;
    expect([await statusOf('error-once'), await statusOf('error-once')]).toEqual([5, 3]);
    expect([await statusOf('error'), await statusOf('error')]).toEqual([5, 5]);
  });

  it('is compared with another one, by its id or its picture', async () => {
    const { call } = await open();
    const first = await call('POST', '/processes/v1', { apiKey: 'LI', body: face('yes') });
    const create = (apiKey: string, body: object) => call('POST', '/processes/v1', { apiKey, body });
    const referenceProcessId = first.body.id;
    const { body: b } = await create('V-B', face('yes', { referenceProcessId }));
    expect(b).toEqual({ id: b.id, authenticated: true, liveness: 1 });
    const { body: d } = await create('V', { imageBase64: portrait, referenceProcessId });
    expect(d).toEqual({ id: d.id, status: 3, biometryToken: { result: 'true' }, liveness: 1 });
    const references = [{ referenceType: 'REFERENCE_TYPE_IMAGE_BASE64', referenceContent: portrait }];
    expect((await create('V', face('no', { references }))).body.biometryToken).toEqual({ result: 'false' });
    expect((await create('V', face('yes'))).body.error.code).toBe(20003);
    expect((await create('V', face('yes', { referenceProcessId: 'other' }))).body.error.code).toBe(50001);
  });

  it('takes its steps by the clock where they have a length', async () => {
    const { call, clock } = await open({ stepMs: 60_000 });
    const { id } = (await call('POST', '/processes/v1', { apiKey: 'LIS', body: face('divergence') })).body;
    const statuses = [];
    for (const after of [0, 59_999, 1, 60_000]) {
      clock.now += after;
      statuses.push((await call('GET', `/processes/v1/${id}`, { apiKey: 'LIS' })).body.status);
    }
    expect(statuses).toEqual([1, 1, 2, 3]);
  });

  it('has its person in the second version of get, in edition B only', async () => {
    const { call } = await open();
    const { id } = (await call('POST', '/processes/v1', { apiKey: 'LI-B', body: face('yes') })).body;
    const { body } = await call('GET', `/processes/v2/${id}`, { apiKey: 'LI-B' });
    expect(body).toMatchObject({ id, status: 3, ...yes, processAdditionalInfo: { personName: name } });
    expect(body.processAdditionalInfo.finishedAt).toBe('2026-11-22T12:00:00.000000');
    expect(body.processAdditionalInfo.transactionId).not.toBe(id);
    expect((await fetch(body.processAdditionalInfo.personImage)).status).toBe(200);
    expect((await call('GET', `/processes/v2/${id}`, { apiKey: 'LI' })).status).toBe(404);
  });
});

describe('a process with a document', () => {
  const order = (course: CourseName, proof: string, source: object) => ({
    subject: { code: testCpfs[course], name },
    document: { purpose: 'onboarding', authProcessId: proof, ...source },
  });
  const capture = { files: [{ data: portrait }, { data: portrait }] };
  const create = async ({ call }: Caller, apiKey: string, body: object) =>
    (await call('POST', '/processes/v1', { apiKey, body })).body;
  const prove = async (caller: Caller, course: CourseName) => (await create(caller, 'LI', face(course))).id as string;
  const lookUp = async ({ call }: Caller, course: CourseName, type = 'BR_CPF') =>
    (await call('GET', `/documents/v1?code=${testCpfs[course]}&type=${type}`, { apiKey: 'D' })).body;

  const types: [CourseName, type: string, field: string][] = [
    ['yes', 'unico.moja.dictionary.br.cnh.v2.Cnh', 'categoria'],
    ['document-rg', 'unico.moja.dictionary.br.rg.v2.Rg', 'ufEmissor'],
    ['document-cin', 'unico.moja.dictionary.br.cin.v1.Cin', 'nacionalidade'],
    ['document-passport', 'unico.moja.dictionary.br.passaporte.v1.Passaporte', 'autoridade'],
  ];
  it.each(types)('captures that of %s', async (course, type, field) => {
    const caller = await open();
    const body = await create(caller, 'D', order(course, await prove(caller, course), capture));
    expect(body).toMatchObject({ status: 3, document: { type, cpfMatch: true, faceMatch: true } });
    expect(body.document.content).toHaveProperty(field);
    expect(body.document.fileUrls).toHaveLength(2);
  });

  it('knows nothing of an unknown one, and says what does not match', async () => {
    const caller = await open();
    const unknown = await create(
      caller,
      'D',
      order('document-unknown', await prove(caller, 'document-unknown'), capture),
    );
    expect(unknown.document).toMatchObject({ type: 'UNKNOWN', content: {} });
    const course = 'document-of-another';
    const { document } = await create(caller, 'D', order(course, await prove(caller, course), capture));
    expect(document).toMatchObject({ cpfMatch: false, faceMatch: false });
    expect(document.content.cpfNumero).not.toBe(testCpfs[course]);
  });

  it('is asynchronous in edition B, and may fail in both', async () => {
    const caller = await open();
    const { id, ...created } = await create(caller, 'D-B', order('yes', await prove(caller, 'yes'), capture));
    expect(created).toEqual({ status: 1, document: { id: expect.any(String) } });
    const read = await caller.call('GET', `/processes/v1/${id}`, { apiKey: 'D-B' });
    expect(read.body).toMatchObject({ id, status: 3, document: { ...created.document, cpfMatch: true } });
    const failed = order('document-error', await prove(caller, 'document-error'), capture);
    expect(await create(caller, 'D', failed)).toEqual({ id: expect.any(String), status: 5 });
    expect(await create(caller, 'D-B', failed)).toMatchObject({ status: 1 });
  });

  it('shows its files for ten minutes, and for another ten after a get', async () => {
    const caller = await open();
    const { id, document } = await create(caller, 'D', order('yes', await prove(caller, 'yes'), capture));
    const [url] = document.fileUrls;
    const shown = await fetch(url);
    expect(readImageHeader(new Uint8Array(await shown.arrayBuffer()))).toMatchObject({ format: 'png' });
    expect((await fetch(url.replace(/expires=\d/, 'expires=9'))).status).toBe(403);
    caller.clock.now += 600_000;
    expect((await fetch(url)).status).toBe(403);
    const { body } = await caller.call('GET', `/processes/v1/${id}`, { apiKey: 'D' });
    expect((await fetch(body.document.fileUrls[0])).status).toBe(200);
  });

  it('reuses one after a yes or a score of fifty, and after nothing less', async () => {
    const caller = await open();
    const scored = async (course: CourseName) => {
      const { id } = await create(caller, 'LIS', face(course));
      await caller.call('GET', `/processes/v1/${id}`, { apiKey: 'LIS' });
      return id as string;
    };
    const reuse = async (course: CourseName, proof: string) => {
      const [{ documentId }] = (await lookUp(caller, course)).items;
      return create(caller, 'D', order(course, proof, { documentId }));
    };
    const reused = await reuse('yes', await prove(caller, 'yes'));
    expect(reused.document).toMatchObject({ type: types[0]?.[1], fileUrls: [expect.stringContaining('/files/')] });
    expect(await reuse('score-high', await scored('score-high'))).toMatchObject({ status: 3 });
    expect(await reuse('score-low', await scored('score-low'))).toMatchObject({ error: { code: 20003 } });
    expect(await reuse('score-high', await prove(caller, 'score-high'))).toMatchObject({ error: { code: 20003 } });
  });

  it('finds what can be reused, by identifier or by document', async () => {
    const caller = await open();
    const { items } = await lookUp(caller, 'document-rg');
    expect(items).toEqual([{ documentType: types[1]?.[1], documentId: expect.any(String) }]);
    expect((await lookUp(caller, 'document-rg', 'BR_RG')).items).toEqual(items);
    expect(await lookUp(caller, 'document-rg', 'BR_CNH')).toEqual({ items: [{}] });
    expect(await lookUp(caller, 'no-document')).toEqual({ items: [{}] });
    await create(caller, 'D', order('no-document', await prove(caller, 'no-document'), capture));
    expect((await lookUp(caller, 'no-document')).items).toHaveLength(1);
  });

  it('wants a proof that is there, theirs, good, and of the last 24 hours', async () => {
    const caller = await open({ tokenTtlSeconds: 1e6 });
    const proof = await prove(caller, 'yes');
    const codeOf = async (course: CourseName, id: string) =>
      (await create(caller, 'D', order(course, id, capture))).error?.code;
    expect(await codeOf('yes', 'nothing')).toBe(50001);
    expect(await codeOf('no-document', proof)).toBe(20003);
    expect(await codeOf('no', await prove(caller, 'no'))).toBe(20003);
    expect(await codeOf('processing', await prove(caller, 'processing'))).toBe(20003);
    caller.clock.now += 24 * 3_600_000;
    expect(await codeOf('yes', proof)).toBeUndefined();
    caller.clock.now += 1;
    expect(await codeOf('yes', proof)).toBe(20003);
  });

  it('takes a proof once for each type where that is asked for', async () => {
    const caller = await open({ singleUseProof: true });
    const body = order('yes', await prove(caller, 'yes'), capture);
    expect((await create(caller, 'D', body)).status).toBe(3);
    expect((await create(caller, 'D', body)).error.code).toBe(20003);
  });

  const wrong: [code: number, body: object][] = [
    [20003, { subject: {} }],
    [20004, { document: {} }],
    [20005, { subject: {}, document: {} }],
    [20006, { subject: { code: testCpfs.yes }, document: {} }],
    [20507, { subject: { code: nonexistentCpf, name }, document: {} }],
    [20003, order('yes', 'x', { ...capture, purpose: 'party' })],
    [20003, order('yes', '', capture)],
    [20003, order('yes', 'x', {})],
    [20003, order('yes', 'x', { files: [{}] })],
    [20003, order('yes', 'x', { files: [...capture.files, ...capture.files] })],
    [20807, order('yes', 'x', { files: [{ data: portrait }, { data: picture(64, 48) }] })],
  ];
  it.each(wrong)('is refused with %i', async (code, body) => {
    expect((await create(await open(), 'D', body)).error.code).toBe(code);
  });
});

describe('what by Client refuses', () => {
  const tooLarge = Buffer.concat([Buffer.from(portrait, 'base64'), Buffer.alloc(820_000)]).toString('base64');
  const sdk = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
  const now = Date.parse('2026-11-22T12:00:00Z') / 1_000;
  const rows: [code: number, status: number, apiKey: string, body: unknown][] = [
    [20003, 400, 'LI', '{"subject":'],
    [20004, 400, 'LI', { imageBase64: portrait }],
    [20005, 400, 'LI', { subject: { name }, imageBase64: portrait }],
    [20006, 400, 'LI-B', { subject: { code: testCpfs.yes }, imageBase64: portrait }],
    [20009, 400, 'LI', { subject: { code: testCpfs.yes, name } }],
    [20507, 400, 'LI', { subject: { code: '12345678900', name }, imageBase64: portrait }],
    [20507, 400, 'LI', { subject: { code: nonexistentCpf, name }, imageBase64: portrait }],
    [20505, 400, 'LI', face('yes', { imageBase64: 'bm8gcGljdHVyZQ==' })],
    [20900, 400, 'LI', face('yes', { imageBase64: `${portrait.slice(0, -4)}*` })],
    [20506, 400, 'LI', face('yes', { imageBase64: tooLarge })],
    [20807, 400, 'LI', face('yes', { imageBase64: picture(320, 240) })],
    [10506, 400, 'sdk', face('yes')],
    [10506, 400, 'LI', face('yes', { imageBase64: 'one.two' })],
    [10507, 400, 'sdk', face('yes', { imageBase64: sdk({ exp: now }) })],
    [10507, 400, 'sdk', face('yes', { imageBase64: sdk({ iat: now - 600 }) })],
    [10507, 400, 'sdk', face('yes', { imageBase64: `${sdk({ exp: now }).split('.')[1]}..v.t.g` })],
    [10201, 403, 'nobody', face('yes')],
  ];
  it.each(rows)('%i', async (code, status, apiKey, body) => {
    const { call, simulator } = await open();
    const refused = await call('POST', '/processes/v1', { apiKey, body });
    expect(refused).toMatchObject({ status, body: { error: { code } } });
    expect(simulator.processes.all()).toEqual([]);
  });

  it('a capture that was used: 10508', async () => {
    const { call } = await open();
    const body = face('yes', { imageBase64: sdk({ iat: now }) });
    expect((await call('POST', '/processes/v1', { apiKey: 'sdk', body })).body.status).toBe(3);
    expect((await call('POST', '/processes/v1', { apiKey: 'sdk', body })).body.error.code).toBe(10508);
  });

  it('headers, in their order', async () => {
    const { call, clock, simulator } = await open();
    const codeOf = async (token?: string, apiKey?: string) =>
      (
        await call('GET', '/processes/v1/x', {
          ...(token === undefined ? {} : { token }),
          ...(apiKey === undefined ? {} : { apiKey }),
        })
      ).body.error.code;
    expect(await codeOf('')).toBe(20001);
    expect(await codeOf()).toBe(20002);
    expect(await codeOf('nonsense', 'LI')).toBe(30017);
    expect(await codeOf('a.b.c', 'LI')).toBe(10501);
    expect(await codeOf(undefined, 'LI')).toBe(50001);
    clock.now += 3_600_000;
    expect(await codeOf(undefined, 'LI')).toBe(10502);
    simulator.identity.revokeAll();
    expect(await codeOf(undefined, 'LI')).toBe(10501);
  });

  it('a get without an id, a look-up without its question, and what broke inside', async () => {
    const { call, simulator } = await open();
    expect((await call('GET', '/processes/v1/', { apiKey: 'LI' })).body.error.code).toBe(20023);
    expect((await call('GET', '/documents/v1?type=BR_CPF', { apiKey: 'D' })).body.error.code).toBe(20005);
    expect((await call('GET', '/documents/v1?code=1&type=BR_CPF', { apiKey: 'D' })).body.error.code).toBe(20507);
    expect((await call('GET', `/documents/v1?code=${testCpfs.yes}`, { apiKey: 'D' })).body.error.code).toBe(20003);
    expect((await call('GET', '/documents/v1?code=1&type=BR_CPF', { apiKey: 'LI' })).status).toBe(403);
    simulator.behaviours.add({ operation: 'listDocuments', fault: { type: 'status', status: 500 } });
    const broken = await call('GET', '/documents/v1', { apiKey: 'D' });
    expect(broken).toMatchObject({ status: 500, body: { error: { code: 99999 } } });
  });
});

describe('faults', () => {
  it('give a process another id, in the answer and in what is held', async () => {
    const { call, simulator } = await open();
    simulator.behaviours.add({ operation: 'createProcess', fault: { type: 'changed-id' }, times: 1 });
    const { id } = (await call('POST', '/processes/v1', { apiKey: 'LI', body: face('yes') })).body;
    expect(simulator.processes.all()).toMatchObject([{ id }]);
    expect((await call('GET', `/processes/v1/${id}`, { apiKey: 'LI' })).status).toBe(200);
  });

  const operations = Object.entries({ ...idcloudOperations, ...unicoOperations });
  it.each(operations)('are for %s, by its name', async (operation, { method, path }) => {
    const { call, simulator } = await open();
    const url = path.replaceAll(/\{\w+\}/g, 'x');
    const ask = () => call(method, url, { apiKey: 'LI', ...(method === 'POST' ? { body: {} } : {}) });
    simulator.behaviours.add({ operation, fault: { type: 'status', status: 503 }, times: 1 });
    expect((await ask()).status).toBe(503);
    expect((await ask()).status).not.toBe(503);
    expect(simulator.received.count(operation)).toBe(2);
  });
});

describe('accounts', () => {
  const another = { account: 'outro', tenantId: 't', publicKey: pair.publicKey, apiKeys: ['theirs'] };

  it('have a budget each, over all calls, and it is counted', async () => {
    const { call, simulator, clock } = await open({
      requestsPerSecond: 2,
      others: [another],
    });
    const read = () => call('GET', '/processes/v1/x', { apiKey: 'LI' });
    const journey = () => call('GET', '/client/v1/process/x');
    expect([(await read()).status, (await journey()).status]).toEqual([404, 400]);
    const refused = await read();
    expect([refused.status, refused.headers.get('retry-after'), refused.text]).toEqual([429, '1', '']);
    expect((await journey()).status).toBe(429);
    const theirs = await simulator.identity.issue(simulator.accounts[1]);
    expect((await call('GET', '/processes/v1/x', { apiKey: 'theirs', token: theirs })).status).toBe(404);
    clock.now += 1_000;
    expect((await read()).status).toBe(404);
    expect((await call('GET', '/_admin/budget')).body).toEqual({
      atesto: { getProcess: { taken: 2, refused: 1 }, getUnicoProcess: { taken: 1, refused: 1 } },
      outro: { getProcess: { taken: 1, refused: 0 } },
    });
  });

  it('see neither the processes nor the keys of others', async () => {
    const { call, simulator } = await open({ others: [another] });
    const { id } = (await call('POST', '/processes/v1', { apiKey: 'LI', body: face('yes') })).body;
    const token = await simulator.identity.issue(simulator.accounts[1]);
    expect((await call('GET', `/processes/v1/${id}`, { apiKey: 'theirs', token })).body.error.code).toBe(50001);
    expect((await call('GET', `/processes/v1/${id}`, { apiKey: 'theirs' })).body.error.code).toBe(10201);
  });
});

it('every course has a test CPF of its own and says what it shows', () => {
  expect(new Set(Object.values(testCpfs)).size).toBe(courseNames.length);
  expect(Object.values(testCpfs)).not.toContain(nonexistentCpf);
  expect(Object.keys(courseMeanings)).toEqual(courseNames);
});
