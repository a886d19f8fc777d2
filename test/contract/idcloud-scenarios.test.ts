import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SubmitResult } from '../../packages/shared/src/upstreams/upstream.ts';
import { type CourseName, testCpfs } from '../simulators/src/idcloud/outcomes.ts';
import { bodyOf, type IdcloudStage, openStage, portrait } from './idcloud.fixture.ts';

let stage: IdcloudStage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const clientOf = (keyName: string) => stage.accounts.client({ account: 'bank', keyName });
const subjectOf = (course: CourseName) => ({ code: testCpfs[course], name: 'Pessoa Virtual' });
const face = (course: CourseName) => ({ subject: subjectOf(course), imageBase64: portrait });
/** Reads until it is settled; how many reads that took, and the words on the way. */
async function follow(keyName: string, kind: 'idcloud.process' | 'idcloud.document', created: SubmitResult) {
  if (created.kind !== 'taken') return { words: [], last: created };
  const words = [created.upstreamStatus];
  for (;;) {
    const found = await clientOf(keyName).result(kind, created.upstreamId);
    if (found.kind !== 'ok' || found.value.final) return { words, last: found.kind === 'ok' ? found.value : found };
    words.push(found.value.upstreamStatus);
    if (words.length > 9) throw new Error('it does not settle');
  }
}

const yes = { unicoId: { result: 'yes' } };
const no = { unicoId: { result: 'no' } };
const inconclusive = { unicoId: { result: 'inconclusive' } };
const nothingKnown = { identityFraudsters: { result: 'inconclusive' } };
const alert = { identityFraudsters: { result: 'yes' } };

/** Scenarios of by Client: which words come before the end, what is said at the end, and what is advised. */
const rows: [scenario: string, key: string, CourseName, words: string[], answer: object, advice: string][] = [
  ['01 live', 'liveness', 'yes', [], { liveness: 1 }, 'accept'],
  ['01 not live', 'liveness', 'inconclusive-not-live', [], { liveness: 2 }, 'recapture'],
  ['02 yes', 'identity', 'yes', [], yes, 'accept'],
  ['02 no', 'identity', 'no', [], no, 'reject'],
  ['02 inconclusive, live', 'identity', 'inconclusive-live', [], { ...inconclusive, liveness: 1 }, 'manual'],
  ['02 inconclusive, not live', 'identity', 'inconclusive-not-live', [], { ...inconclusive, liveness: 2 }, 'recapture'],
  ['02 made asynchronous', 'identity', 'processing', ['1'], yes, 'accept'],
  ['04 B', 'behaviour-b', 'fraud', ['1'], { ...yes, ...alert }, 'alert'],
  ['04 D', 'behaviour-d', 'fraud', [], { ...yes, ...alert }, 'alert'],
  ['04 D, nothing known', 'behaviour-d', 'yes', [], { ...yes, ...nothingKnown }, 'accept'],
  ['05 yes', 'score', 'yes', [], yes, 'accept'],
  ['05 no', 'score', 'no', [], no, 'reject'],
  ['05 not live', 'score', 'inconclusive-not-live', [], { ...inconclusive, liveness: 2 }, 'recapture'],
  ['05 score', 'score', 'score-high', ['1'], { ...inconclusive, liveness: 1, score: 72 }, 'score'],
  ['05 negative score', 'score', 'score-low', ['1'], { ...inconclusive, liveness: 1, score: -63 }, 'score'],
  ['05 score 0', 'score', 'score-zero', ['1'], { ...inconclusive, liveness: 1, score: 0 }, 'recapture'],
  ['05 divergence', 'score', 'divergence', ['1', '2'], { ...inconclusive, liveness: 1, score: 28 }, 'score'],
  ['05 divergence at create', 'score', 'divergence-at-create', ['2'], { ...inconclusive, score: 28 }, 'score'],
  ['07 B alert', 'all-b', 'fraud-inconclusive', ['1'], { ...inconclusive, ...alert }, 'alert'],
  ['07 D alert', 'all-d', 'fraud-inconclusive', [], { ...inconclusive, ...alert }, 'alert'],
  ['07 D score', 'all-d', 'score-high', ['1'], { ...inconclusive, ...nothingKnown, score: 72 }, 'score'],
];

describe('by Client, the scenarios', () => {
  it.each(rows)('%s (key %s, %s)', async (_scenario, key, course, words, answer, reason) => {
    const created = await clientOf(key).submit('idcloud.process', bodyOf(face(course)));
    const settled = await follow(key, 'idcloud.process', created);
    expect(settled.words).toEqual(words);
    const outcome = { verdict: 'completed', upstreamStatus: '3', reason };
    expect(settled.last).toMatchObject({ outcome, answer: { status: 3, ...answer } });
    expect(settled.last).not.toHaveProperty('kept');
  });

  it.each([
    ['validation-b', 'yes', { authenticated: true, liveness: 1 }, 'accept'],
    ['validation-b', 'no', { authenticated: false, liveness: 1 }, 'reject'],
    ['validation-d', 'yes', { biometryToken: { result: 'true' }, liveness: 1 }, 'accept'],
    ['validation-d', 'no', { biometryToken: { result: 'false' }, liveness: 1 }, 'reject'],
  ] as const)('03 with the key %s: %s', async (key, course, answer, reason) => {
    await clientOf('identity').submit('idcloud.process', bodyOf(face(course)));
    const [reference] = stage.simulator.processes.all();
    const asked = { ...face(course), referenceProcessId: reference?.id };
    const created = await clientOf(key).submit('idcloud.process', bodyOf(asked));
    const outcome = { verdict: 'completed', upstreamStatus: '3', reason };
    // Edition B says none.
    const status = key === 'validation-d' ? 3 : undefined;
    expect(created).toMatchObject({ kind: 'answered', outcome, answer });
    expect('answer' in created && created.answer?.status).toBe(status);
  });

  it('a divergence that never ends is never taken for an end', async () => {
    const created = await clientOf('score').submit('idcloud.process', bodyOf(face('divergence-for-ever')));
    await expect(follow('score', 'idcloud.process', created)).rejects.toThrow('does not settle');
  });
});

describe.each([
  ['documents-b', ['1']],
  ['documents-d', []],
])('by Client, documents with the key %s', (key, words) => {
  async function prove(course: CourseName): Promise<string> {
    const proof = await clientOf('identity').submit('idcloud.process', bodyOf(face(course)));
    return (proof as { upstreamId: string }).upstreamId;
  }
  const asked = async (course: CourseName, what: object) => ({
    subject: subjectOf(course),
    document: { purpose: 'onboarding', authProcessId: await prove(course), ...what },
  });

  it.each([
    ['yes', 'unico.moja.dictionary.br.cnh.v2.Cnh', true],
    ['document-rg', 'unico.moja.dictionary.br.rg.v2.Rg', true],
    ['document-cin', 'unico.moja.dictionary.br.cin.v1.Cin', true],
    ['document-passport', 'unico.moja.dictionary.br.passaporte.v1.Passaporte', true],
    ['document-of-another', 'unico.moja.dictionary.br.cnh.v2.Cnh', false],
  ] as const)('captured: %s', async (course, type, cpfMatch) => {
    const body = bodyOf(await asked(course, { files: [{ data: portrait }, { data: portrait }] }));
    const settled = await follow(key, 'idcloud.document', await clientOf(key).submit('idcloud.document', body));
    expect(settled.words).toEqual(words);
    const { answer, kept, outcome } = settled.last as Extract<SubmitResult, { kind: 'answered' }>;
    expect(outcome).toEqual({ verdict: 'completed', upstreamStatus: '3' });
    // What names nobody is clear, the rest is in the answer that is sealed.
    expect(answer).toEqual({
      id: expect.any(String),
      status: 3,
      document: { id: expect.any(String), type, cpfMatch, faceMatch: cpfMatch },
    });
    const { document } = JSON.parse(kept?.body ?? '{}');
    expect(Object.keys(document.content).length).toBeGreaterThan(2);
    expect(document.fileUrls).toHaveLength(2);
    expect(kept).toMatchObject({ status: 200, contentType: expect.stringContaining('application/json') });
  });

  it('of an unknown type has no content', async () => {
    const body = bodyOf(await asked('document-unknown', { files: [{ data: portrait }] }));
    const settled = await follow(key, 'idcloud.document', await clientOf(key).submit('idcloud.document', body));
    const { kept } = settled.last as { kept?: { body: string } };
    expect(JSON.parse(kept?.body ?? '{}').document.content).toEqual({});
  });

  it('that fails comes to nothing', async () => {
    const body = bodyOf(await asked('document-error', { files: [{ data: portrait }] }));
    const settled = await follow(key, 'idcloud.document', await clientOf(key).submit('idcloud.document', body));
    expect(settled.last).toEqual({ kind: 'voided', reason: 'process-error', upstreamStatus: '5' });
  });

  it('used again, with links that a read renews', async () => {
    const found = await clientOf(key).documents({ code: testCpfs.yes, type: 'BR_CPF' });
    const [reusable] = found.kind === 'ok' ? found.value : [];
    expect(reusable?.documentType).toBe('unico.moja.dictionary.br.cnh.v2.Cnh');
    const body = bodyOf(await asked('yes', { documentId: reusable?.documentId }));
    const created = await clientOf(key).submit('idcloud.document', body);
    const settled = await follow(key, 'idcloud.document', created);
    const { kept } = settled.last as { kept?: { body: string } };
    const urls: string[] = JSON.parse(kept?.body ?? '{}').document.fileUrls;
    expect((await fetch(urls[0] ?? '')).status).toBe(200);
    stage.clock.now += 600_001;
    expect((await fetch(urls[0] ?? '')).ok).toBe(false);
    const { upstreamId } = created as { upstreamId: string };
    const renewed = await clientOf(key).send('getProcess', { params: { id: upstreamId } });
    const [url] = JSON.parse(String(renewed.kind === 'http' && renewed.body)).document.fileUrls;
    expect((await fetch(url)).status).toBe(200);
  });

  it('there are none to use again of most people, and of nobody', async () => {
    const client = clientOf(key);
    const none = { kind: 'ok', value: [] };
    expect(await client.documents({ code: testCpfs['no-document'], type: 'BR_CPF' })).toEqual(none);
    const missing = await client.documents({ code: '1', type: 'BR_CPF' });
    expect(missing).toMatchObject({ kind: 'refused', upstreamCode: '20507' });
  });

  it.each(['{}', '{"items":[]}', '{"items":null}', '{"items":[{}]}', '{"items":[{"documentId":""}]}'])(
    'an answer of %s says that there are none',
    async (told) => {
      stage.simulator.behaviours.use({ operation: 'listDocuments', after: () => told });
      const found = await clientOf(key).documents({ code: testCpfs.yes, type: 'BR_CPF' });
      expect(found).toEqual({ kind: 'ok', value: [] });
    },
  );
});
