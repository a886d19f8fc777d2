import { unicoFlows, unicoOperations, unicoProcessAnswer } from '@atesto/shared/contracts/idcloud-unico';
import { describe, expect, it } from 'vitest';
import { type Caller, openCaller } from './caller.fixture.ts';
import { type CourseName, nonexistentCpf, testCpfs } from './outcomes.ts';
import type { SaidProcess } from './said.fixture.ts';
import { partsOf } from './unico-flows.ts';

const payload = [{ envelopePayload: { documents: [{ documentName: 'Contrato', fileContents: 'JVBERi0=' }] } }];
const request = (course: CourseName, flow = 'id', more: object = {}) => ({
  callbackUri: '/',
  flow,
  purpose: 'creditprocess',
  person: { duiType: 'DUI_TYPE_BR_CPF', duiValue: testCpfs[course], friendlyName: 'Pessoa Virtual' },
  ...more,
});
const create = async ({ call }: Caller, body: unknown) => call('POST', '/client/v1/process', { body });
const created = async (caller: Caller, course: CourseName, flow = 'id', more: object = {}) =>
  (await create(caller, request(course, flow, more))).body.process;
const read = async ({ call }: Caller, id: string) => (await call('GET', `/client/v1/process/${id}`)).body.process;
const finish = ({ call }: Caller, id: string, body: object = {}) =>
  call('POST', `/_admin/unico/${id}/finish`, { body });

/** Section 8.2: [authenticationResult, livenessResult, scoreEnabled, score] without their prefixes. */
const ends: [flow: string, CourseName, result: string, info: [string, string, string, number]][] = [
  ['id', 'yes', 'OK', ['POSITIVE', 'LIVE', 'FALSE', 0]],
  ['id', 'no', 'INVALID_IDENTITY', ['NEGATIVE', 'LIVE', 'FALSE', 0]],
  ['id', 'inconclusive-live', 'INVALID_IDENTITY', ['INCONCLUSIVE', 'LIVE', 'FALSE', 0]],
  ['id', 'inconclusive-not-live', 'INVALID_IDENTITY', ['INCONCLUSIVE', 'NOT_LIVE', 'FALSE', 0]],
  ['idcheck', 'score-high', 'OK', ['INCONCLUSIVE', 'LIVE', 'TRUE', 72]],
  ['idcheck', 'score-low', 'OK', ['INCONCLUSIVE', 'LIVE', 'TRUE', -63]],
  ['idcheck', 'divergence-for-ever', 'INVALID_IDENTITY', ['INCONCLUSIVE', 'LIVE', 'FALSE', 0]],
  ['idlive', 'inconclusive-live', 'OK', ['UNSPECIFIED', 'LIVE', 'FALSE', 0]],
  ['idlive', 'inconclusive-not-live', 'INVALID_IDENTITY', ['UNSPECIFIED', 'NOT_LIVE', 'FALSE', 0]],
  ['id', 'error', 'ERROR', ['UNSPECIFIED', 'UNSPECIFIED', 'UNSPECIFIED', 0]],
  ['id', 'unknown-status', 'UNDER_REVIEW', ['POSITIVE', 'LIVE', 'FALSE', 0]],
];

function told({ authenticationInfo: info }: SaidProcess): unknown[] {
  const { scoreEnabled, score } = info.scoreEngineResult;
  const words = [info.authenticationResult, info.livenessResult, scoreEnabled].map((word) =>
    word.replace(/^(AUTHENTICATION_RESULT|LIVENESS_RESULT|SCORE_ENABLED)_/, ''),
  );
  return [...words, score];
}

describe('a journey', () => {
  it('is open until the person has gone through it', async () => {
    const caller = await openCaller();
    const process = await created(caller, 'yes');
    expect(unicoProcessAnswer.parse({ process }).process).toMatchObject({ flow: 'id', state: 'PROCESS_STATE_CREATED' });
    expect(process).toMatchObject({
      result: 'PROCESS_RESULT_UNSPECIFIED',
      createdAt: '2026-11-22T12:00:00.000000Z',
      expiresAt: '2026-11-29T12:00:00.000000Z',
      capacities: ['PROCESS_CAPACITY_IDLIVE', 'PROCESS_CAPACITY_IDUNICO'],
      services: [],
    });
    expect(process.authenticationInfo.authenticationId).toBe('');
    expect(told(process)).toEqual(['UNSPECIFIED', 'UNSPECIFIED', 'UNSPECIFIED', 0]);
    expect(await read(caller, process.id)).toEqual(process);
  });

  it.each(ends)('of flow %s and course %s ends as %s', async (flow, course, result, info) => {
    const caller = await openCaller();
    const { id } = await created(caller, course, flow);
    expect((await finish(caller, id)).status).toBe(200);
    const process = await read(caller, id);
    expect(process).toMatchObject({ state: 'PROCESS_STATE_FINISHED', result: `PROCESS_RESULT_${result}` });
    expect(told(process)).toEqual(info);
    expect((await finish(caller, id)).status).toBe(404);
  });

  it('says what the other parts of its flow found', async () => {
    const caller = await openCaller();
    const infoOf = async (course: CourseName, flow: string, more: object = {}) => {
      const { id } = await created(caller, course, flow, more);
      await finish(caller, id);
      return (await read(caller, id)).authenticationInfo;
    };
    expect(await infoOf('fraud', 'idtrust')).toMatchObject({ identityFraudstersResult: 'TRUST_RESULT_YES' });
    expect(await infoOf('yes', 'idtrust')).toMatchObject({ identityFraudstersResult: 'TRUST_RESULT_INCONCLUSIVE' });
    expect(await infoOf('no', 'idtoken', { bioTokenId: 'x' })).toMatchObject({
      bioTokenEngineResult: 'BIO_TOKEN_ENGINE_RESULT_NEGATIVE',
    });
    expect(await infoOf('yes', 'idsmart', { useCase: 'USE_CASE_LOGIN' })).toMatchObject({
      smartRevalidationResult: 'SMART_REVALIDATION_RESULT_POSITIVE',
    });
    expect(await infoOf('inconclusive-live', 'idage')).toMatchObject({ idAgeResult: 'ID_AGE_RESULT_INCONCLUSIVE' });
    expect(await infoOf('yes', 'idcheckserpro')).toMatchObject({ serproResult: { score: 87 } });
  });

  it('fails at creation for some', async () => {
    const process = await created(await openCaller(), 'cancelled');
    expect(process).toMatchObject({ state: 'PROCESS_STATE_FAILED', result: 'PROCESS_RESULT_ERROR' });
  });

  it('goes as its keeper says, or as is chosen on its page', async () => {
    const caller = await openCaller();
    const process = await created(caller, 'yes');
    const page = await caller.call('GET', process.userRedirectUrl);
    expect(page.text).toContain(`/_admin/unico/${process.id}/finish`);
    const chosen = new URLSearchParams({ course: 'no' });
    await fetch(`${caller.simulator.url}/_admin/unico/${process.id}/finish`, { method: 'POST', body: chosen });
    expect((await read(caller, process.id)).result).toBe('PROCESS_RESULT_INVALID_IDENTITY');
    expect((await caller.call('GET', process.userRedirectUrl)).text).not.toContain('<form');
  });

  it('expires', async () => {
    const caller = await openCaller();
    const { id, expiresAt } = await created(caller, 'yes', 'id', { expiresIn: '600s' });
    expect(expiresAt).toBe('2026-11-22T12:10:00.000000Z');
    caller.clock.now += 600_000;
    const process = await read(caller, id);
    expect(process).toMatchObject({ state: 'PROCESS_STATE_FINISHED', result: 'PROCESS_RESULT_EXPIRED' });
    expect(process.finishedAt).toBe(expiresAt);
    expect(told(process)[0]).toBe('UNSPECIFIED');
    expect((await finish(caller, id)).status).toBe(404);
  });
});

describe('what a journey leaves', () => {
  it('a selfie and an evidence set, when it is over', async () => {
    const caller = await openCaller();
    const { id } = await created(caller, 'yes');
    const get = (what: string) => caller.call('GET', `/client/v1/process/${id}/${what}`);
    expect([(await get('selfie')).status, (await get('evidenceset')).body.code]).toEqual([404, 5]);
    await finish(caller, id);
    const { contentType, fileContents } = (await get('selfie')).body;
    expect([contentType, Buffer.from(fileContents, 'base64').subarray(1, 4).toString()]).toEqual(['image/png', 'PNG']);
    const evidence = (await get('evidenceset')).body;
    expect(evidence.contentType).toBe('x-pdf');
    expect(Buffer.from(evidence.fileContents, 'base64').subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('documents, behind addresses that are good for five minutes', async () => {
    const caller = await openCaller();
    const { id } = await created(caller, 'document-rg', 'idunicodocs');
    await finish(caller, id);
    const [service] = (await read(caller, id)).services;
    const [document] = service.documents;
    expect(document).toMatchObject({ doc: { code: 'RG' }, typified: true, cpf_match: true, reused_doc: false });
    expect((await fetch(document.signed_url)).headers.get('content-type')).toBe('application/pdf');
    caller.clock.now += 300_000;
    expect((await fetch(document.signed_url)).status).toBe(403);
  });

  it('signed documents and their evidence', async () => {
    const caller = await openCaller();
    const { id } = await created(caller, 'yes', 'idunicosign', { payload });
    await finish(caller, id);
    const [{ documentIds, envelopeId }] = (await read(caller, id)).services;
    expect([documentIds.length, typeof envelopeId]).toEqual([1, 'string']);
    for (const kind of ['file', 'evidence']) {
      const answer = await caller.call('GET', `/api/v1/service/${kind}/${documentIds[0]}`);
      expect([answer.headers.get('content-type'), answer.text.slice(0, 5)]).toEqual(['application/pdf', '%PDF-']);
    }
    expect((await caller.call('GET', '/api/v1/service/file/other')).status).toBe(404);
  });

  it('nothing where the identity was refused', async () => {
    const caller = await openCaller();
    const { id } = await created(caller, 'no', 'iddocssign', { payload });
    await finish(caller, id);
    expect((await read(caller, id)).services).toEqual([]);
  });

  it('no selfie of a smart revalidation', async () => {
    const caller = await openCaller();
    const { id } = await created(caller, 'yes', 'idsmart', { useCase: 'USE_CASE_LOGIN' });
    await finish(caller, id);
    expect(await caller.call('GET', `/client/v1/process/${id}/selfie`)).toMatchObject({
      status: 403,
      body: { code: 7 },
    });
  });
});

describe('what by Unico refuses', () => {
  const person = (more: object) => ({ person: { duiValue: testCpfs.yes, ...more } });
  const channel = (name: string, more: object = {}) =>
    person({ notifications: [{ notificationChannel: `NOTIFICATION_CHANNEL_${name}` }], ...more });
  const dui = 'idnsv2/GetPublicID request error: rpc error: code = InvalidArgument desc = invalid dui value';
  const rows: [body: unknown, message: string][] = [
    ['{', 'invalid flow'],
    [request('yes', 'nothing'), 'invalid flow'],
    [request('yes', 'id', { purpose: 'party' }), 'invalid purpose'],
    [
      request('yes', 'id', { callbackUri: '' }),
      'invalid callbackUri: unable to parse callbackUri: parse "": empty url, invalid callbackUri: url:',
    ],
    [
      request('yes', 'id', person({ friendlyName: 'n'.repeat(51) })),
      'invalid person: friendly name exceeds 50 characters.',
    ],
    [
      request('yes', 'id', channel('EMAIL')),
      'invalid person: email required for notification channel NOTIFICATION_CHANNEL_EMAIL, invalid email address for notification channel NOTIFICATION_CHANNEL_EMAIL',
    ],
    [
      request('yes', 'id', channel('WHATSAPP')),
      'invalid person: phone number required for notification channel NOTIFICATION_CHANNEL_WHATSAPP, phone number does not contain 13 chars for notification channel NOTIFICATION_CHANNEL_WHATSAPP',
    ],
    [
      request('yes', 'id', channel('SMS', { phone: '551100000000' })),
      'invalid person: phone number does not contain 13 chars for notification channel NOTIFICATION_CHANNEL_SMS',
    ],
    [request('yes', 'id', person({ duiValue: nonexistentCpf })), dui],
    [request('yes', 'id', { person: {} }), dui],
    [request('yes', 'idtoken'), 'invalid bioTokenId'],
    [request('yes', 'idsmart'), 'invalid useCase'],
    [request('yes', 'idsign'), 'invalid payload'],
    [request('yes', 'id', { expiresIn: '600' }), 'invalid expiresIn'],
  ];
  it.each(rows)('%j', async (body, message) => {
    const caller = await openCaller();
    expect(await create(caller, body)).toMatchObject({ status: 400, body: { code: 3, message } });
    expect(caller.simulator.unico.all()).toEqual([]);
  });

  it('a flow that the account has no keys for', async () => {
    const caller = await openCaller({ flows: ['id'] });
    expect(await create(caller, request('yes', 'idlive'))).toMatchObject({
      status: 400,
      body: { code: 9, message: 'XX ID Apikeys are not set' },
    });
    expect((await create(caller, request('yes'))).status).toBe(200);
  });

  it('ids that are none, and processes that are not there', async () => {
    const { call } = await openCaller();
    expect((await call('GET', '/client/v1/process/x')).body).toMatchObject({
      code: 3,
      message: 'process id is invalid',
    });
    const absent = await call('GET', '/client/v1/process/8263a268-5388-492a-bca2-28e1ff4a69f0');
    expect(absent).toMatchObject({ status: 404, body: { code: 5 } });
  });

  it('tokens, in plain text', async () => {
    const { call, clock } = await openCaller();
    const textOf = async (token?: string) => {
      const { status, text } = await call('GET', '/client/v1/process/x', token === undefined ? {} : { token });
      return [status, text];
    };
    expect(await textOf('')).toEqual([401, 'Jwt is missing']);
    expect(await textOf('nonsense')).toEqual([401, 'Jwt header is an invalid JSON']);
    expect(await textOf('a.b.c')).toEqual([401, 'Jwt verification fails']);
    clock.now += 3_600_000;
    expect(await textOf()).toEqual([401, 'Jwt is expired']);
  });

  const faults: [operation: string, status: number, body: string][] = [
    ['getUnicoProcess', 500, '"code":99999'],
    ['getSelfie', 403, '"code":7'],
    ['getEvidenceSet', 401, 'Jwt is expired'],
    ['getSignedDocument', 500, '{"Sucess":false,"Message":null,"Data":null}'],
    ['createUnicoProcess', 429, ''],
  ];
  it.each(faults)('what a fault of %s says with %i', async (operation, status, body) => {
    const { call, simulator } = await openCaller();
    simulator.behaviours.add({ operation, fault: { type: 'status', status } });
    const { method, path } = unicoOperations[operation as keyof typeof unicoOperations];
    const answer = await call(method, path.replace(/\{\w+\}/, 'x'), method === 'POST' ? { body: {} } : {});
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(body);
  });
});

it('every flow has liveness', () => {
  for (const flow of unicoFlows) expect(partsOf(flow)).toContain('liveness');
});
