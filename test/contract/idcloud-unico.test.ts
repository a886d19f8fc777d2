import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SubmitResult } from '../../packages/shared/src/upstreams/upstream.ts';
import { type CourseName, testCpfs } from '../simulators/src/idcloud/outcomes.ts';
import { bodyOf, type IdcloudStage, openStage } from './idcloud.fixture.ts';

let stage: IdcloudStage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const unico = () => stage.accounts.unico({ account: 'bank' });
const journey = (course: CourseName, flow = 'id', more: object = {}) => ({
  callbackUri: '/',
  purpose: 'creditprocess',
  flow,
  person: { duiType: 'DUI_TYPE_BR_CPF', duiValue: testCpfs[course], friendlyName: 'Pessoa Virtual' },
  ...more,
});
const pdf = { payload: [{ envelopePayload: { documents: [{ documentName: 'Contrato', fileContents: 'JVBERi0=' }] } }] };
const create = (body: unknown): Promise<SubmitResult> => unico().submit('idcloud.unico', bodyOf(body));
const read = (id: string) => unico().result('idcloud.unico', id);
async function begin(body: unknown): Promise<string> {
  const created = await create(body);
  expect(created).toMatchObject({ kind: 'taken', upstreamStatus: 'PROCESS_STATE_CREATED' });
  return (created as { upstreamId: string }).upstreamId;
}

describe('a journey', () => {
  it('is created, and its link and token are in the answer that is sealed', async () => {
    const created = await create(journey('yes'));
    const { answer, kept, upstreamId } = created as Extract<SubmitResult, { kind: 'taken' }>;
    expect(answer).toMatchObject({ id: upstreamId, flow: 'id', state: 'PROCESS_STATE_CREATED' });
    expect(JSON.stringify(answer)).not.toMatch(/Virtual|"token"|http/);
    expect(JSON.stringify(answer)).not.toContain(testCpfs.yes);
    const { process } = JSON.parse(kept?.body ?? '{}');
    expect(process).toMatchObject({ userRedirectUrl: expect.stringContaining(upstreamId), token: expect.any(String) });
    const waiting = { final: false, upstreamStatus: 'PROCESS_STATE_CREATED', recognised: true };
    expect(await read(upstreamId)).toMatchObject({ kind: 'ok', value: waiting });
    const [received] = stage.simulator.received.of('createUnicoProcess');
    expect(received?.headers).not.toHaveProperty('apikey');
  });

  const needs: Record<string, object> = { idtoken: { bioTokenId: 'p' }, idsmart: { useCase: 'USE_CASE_LOGIN' } };
  const ends: [flow: string, CourseName, result: string, verdict: string, reason: string][] = [
    ['id', 'yes', 'OK', 'match', 'positive'],
    ['id', 'no', 'INVALID_IDENTITY', 'no-match', 'negative'],
    ['id', 'inconclusive-live', 'INVALID_IDENTITY', 'completed', 'inconclusive'],
    ['id', 'inconclusive-not-live', 'INVALID_IDENTITY', 'no-match', 'not-live'],
    ['id', 'error', 'ERROR', 'contingency', 'process-error'],
    ['idlive', 'yes', 'OK', 'completed', 'live'],
    ['idtrust', 'fraud', 'OK', 'completed', 'alert'],
    ['idcheck', 'score-high', 'OK', 'completed', 'score'],
    ['idcheck', 'divergence-for-ever', 'INVALID_IDENTITY', 'completed', 'inconclusive'],
    ['idtoken', 'yes', 'OK', 'match', 'positive'],
    ['idtoken', 'no', 'INVALID_IDENTITY', 'no-match', 'negative'],
    ['idsmart', 'yes', 'OK', 'match', 'positive'],
    ['idage', 'yes', 'OK', 'match', 'positive'],
    ['idunicodocs', 'yes', 'OK', 'match', 'positive'],
  ];
  it.each(ends)('%s of %s ends %s: %s, %s', async (flow, course, result, verdict, reason) => {
    const id = await begin(journey(course, flow, needs[flow]));
    stage.simulator.unico.finish(id);
    const outcome = { verdict, upstreamStatus: `PROCESS_RESULT_${result}`, reason };
    const found = await read(id);
    expect(found).toMatchObject({ kind: 'ok', value: { final: true, outcome, answer: { id, flow } } });
    expect(await unico().process(id)).toMatchObject({ kind: 'ok', value: { state: 'PROCESS_STATE_FINISHED' } });
  });

  it('that fails when it is created comes to nothing', async () => {
    const voided = { kind: 'voided', reason: 'process-error', upstreamStatus: 'PROCESS_STATE_FAILED' };
    expect(await create(journey('cancelled'))).toEqual(voided);
  });

  it('with a result that nobody knows is never taken for an end', async () => {
    const id = await begin(journey('unknown-status'));
    stage.simulator.unico.finish(id);
    const waiting = { final: false, upstreamStatus: 'PROCESS_STATE_FINISHED', recognised: false };
    expect(await read(id)).toMatchObject({ kind: 'ok', value: waiting });
  });

  it.each([
    ['after seven days', {}, 7 * 24 * 3_600_000],
    ['when its link is over', { expiresIn: '3600s' }, 3_600_000],
  ])('expires %s', async (_when, more, ms) => {
    const id = await begin(journey('yes', 'id', more));
    stage.clock.now += ms - 1;
    expect(await read(id)).toMatchObject({ value: { final: false } });
    stage.clock.now += 1;
    const outcome = { verdict: 'failed', upstreamStatus: 'PROCESS_RESULT_EXPIRED', reason: 'expired' };
    expect(await read(id)).toMatchObject({ value: { final: true, outcome } });
  });
});

describe('what comes of it', () => {
  it('is a selfie and an evidence set, once the person was there', async () => {
    const id = await begin(journey('yes'));
    expect(await unico().selfie(id)).toEqual({ kind: 'not-found' });
    expect(await unico().evidenceSet(id)).toEqual({ kind: 'not-found' });
    stage.simulator.unico.finish(id);
    const selfie = await unico().selfie(id);
    expect(selfie).toMatchObject({ kind: 'ok', value: { contentType: expect.stringMatching(/^image\//) } });
    const evidence = await unico().evidenceSet(id);
    const contents = evidence.kind === 'ok' ? evidence.value.fileContents : '';
    expect(Buffer.from(contents, 'base64').toString('latin1')).toMatch(/^%PDF-/);
  });

  it('is a signed document and its evidence, at the host of signatures', async () => {
    const id = await begin(journey('yes', 'idunicosign', pdf));
    stage.simulator.unico.finish(id);
    const [documentId = ''] = stage.simulator.unico.get(id)?.envelope?.documentIds ?? [];
    for (const found of [await unico().signedDocument(documentId), await unico().signedDocumentEvidence(documentId)]) {
      expect(found.kind === 'ok' && found.value.toString('latin1')).toMatch(/^%PDF-/);
    }
    expect(await unico().signedDocument('80371b2a-3ac7-432e-866d-57fe37896ac6')).toEqual({ kind: 'not-found' });
  });

  it('is passed on as it came', async () => {
    const id = await begin(journey('yes', 'idunicosign', pdf));
    stage.simulator.unico.finish(id);
    const [documentId = ''] = stage.simulator.unico.get(id)?.envelope?.documentIds ?? [];
    const signed = await unico().send('getSignedDocument', { params: { documentId } });
    expect(signed).toMatchObject({ kind: 'http', status: 200, headers: { 'content-type': 'application/pdf' } });
    const missing = await unico().send('getUnicoProcess', { params: { processId: 'x' } });
    expect(missing).toMatchObject({ kind: 'http', status: 400 });
    expect(JSON.parse(String(missing.kind === 'http' && missing.body))).toMatchObject({ code: 3 });
  });

  it('is cut off beyond 32 MiB', async () => {
    const id = await begin(journey('yes'));
    const contents = 'A'.repeat(33 << 20);
    stage.simulator.behaviours.use({
      operation: 'getSelfie',
      after: () => JSON.stringify({ fileContents: contents, contentType: 'image/jpeg' }),
    });
    stage.simulator.unico.finish(id);
    expect(await unico().selfie(id)).toMatchObject({ kind: 'unavailable', reason: 'answer-too-large' });
  });
});

const somewhere = { kind: 'refused', reason: 'bad-request', httpStatus: 400 };
const refusals: [string, object, object][] = [
  ['a flow that does not exist', journey('yes', 'idnothing'), { ...somewhere, upstreamCode: '3' }],
  ['a purpose that does not exist', { ...journey('yes'), purpose: 'fun' }, { ...somewhere, upstreamCode: '3' }],
  ['no callback', { ...journey('yes'), callbackUri: '' }, { ...somewhere, upstreamCode: '3' }],
  ['a CPF that is none', { ...journey('yes'), person: { duiValue: '1' } }, { ...somewhere, upstreamCode: '3' }],
];

describe('refusals', () => {
  it.each(refusals)('%s', async (_what, body, expected) => {
    expect(await create(body)).toEqual(expected);
    expect(stage.simulator.unico.all()).toEqual([]);
  });

  it('a flow that the account has no keys for', async () => {
    await stage.close();
    stage = await openStage({ flows: ['idlive'] });
    expect(await create(journey('yes'))).toEqual({ ...somewhere, upstreamCode: '9' });
  });

  it.each([
    [
      { type: 'status', status: 500 },
      { kind: 'unknown', reason: 'server-error', upstreamCode: '99999' },
    ],
    [
      { type: 'status', status: 403 },
      { kind: 'unavailable', reason: 'forbidden', upstreamCode: '7' },
    ],
    [
      { type: 'status', status: 429 },
      { kind: 'throttled', retryAfterMs: 1_000 },
    ],
    [{ type: 'drop-after-accept' }, { kind: 'unknown', reason: 'connection-lost' }],
    [{ type: 'malformed-json' }, { kind: 'unknown', reason: 'answer-unreadable' }],
  ] as const)('%o', async (fault, expected) => {
    stage.simulator.behaviours.add({ operation: 'createUnicoProcess', fault, times: 1 });
    expect(await create(journey('yes'))).toMatchObject(expected);
  });

  it('of the signature service, with its own spelling', async () => {
    const fault = { type: 'status', status: 500 } as const;
    stage.simulator.behaviours.add({ operation: 'getSignedDocument', fault, times: 1 });
    expect(await unico().signedDocument('x')).toMatchObject({ kind: 'unavailable', reason: 'server-error' });
  });
});
