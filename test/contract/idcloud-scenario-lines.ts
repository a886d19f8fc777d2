import assert from 'node:assert/strict';
import { type CourseName, testCpfs } from '@atesto/simulators/idcloud/outcomes';
import type { IdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { waitFor } from '../stack/wait-for.ts';
import { bodyOf, portrait } from './idcloud.fixture.ts';
import {
  atFace,
  CREATE,
  clientOf,
  completed,
  face,
  has,
  readToEnd,
  rowOf,
  subjectOf,
  upstreamIdOf,
} from './idcloud-contract-house.ts';
import type { ContractLine } from './run-contract.ts';

/** A scenario of by Client with one person: `words` are the statuses before the end, `answer` is what is said there. */
interface Scenario {
  name: string;
  what: string;
  key: string;
  course: CourseName;
  words?: readonly string[];
  answer: object;
  /** Our advice. */
  reason?: string;
}

const yes = { unicoId: { result: 'yes' } };
const no = { unicoId: { result: 'no' } };
const inconclusive = { unicoId: { result: 'inconclusive' } };
const live = { ...inconclusive, liveness: 1 };
const notLive = { ...inconclusive, liveness: 2 };
const alert = { identityFraudsters: { result: 'yes' } };
const noAlert = { identityFraudsters: { result: 'inconclusive' } };

const row = (
  name: string,
  what: string,
  [key, course]: readonly [key: string, course: CourseName],
  answer: object,
  reason: string,
  words: readonly string[] = [],
): Scenario => ({ name, what, key, course, words, answer, reason });

const scenarios: readonly Scenario[] = [
  row('01', 'liveness: live', ['liveness', 'yes'], { liveness: 1 }, 'accept'),
  row('01', 'liveness: not live', ['liveness', 'inconclusive-not-live'], { liveness: 2 }, 'recapture'),
  row('02 D', 'identity: yes', ['identity', 'yes'], yes, 'accept'),
  row('02 D', 'identity: no', ['identity', 'no'], no, 'reject'),
  row('02 D', 'identity: inconclusive, live', ['identity', 'inconclusive-live'], live, 'manual'),
  row('02 D', 'identity: inconclusive, not live', ['identity', 'inconclusive-not-live'], notLive, 'recapture'),
  row('02 B', 'identity: yes', ['identity-b', 'yes'], yes, 'accept'),
  row('02 B', 'identity made asynchronous', ['identity-b', 'processing'], yes, 'accept', ['1']),
  row('04 D', 'behaviour alert: yes', ['behaviour-d', 'fraud'], { ...yes, ...alert }, 'alert'),
  row('04 D', 'behaviour alert: inconclusive', ['behaviour-d', 'yes'], { ...yes, ...noAlert }, 'accept'),
  row('04 B', 'behaviour alert, asynchronous: yes', ['behaviour-b', 'fraud'], { ...yes, ...alert }, 'alert', ['1']),
  row('04 B', 'behaviour alert: inconclusive', ['behaviour-b', 'yes'], { ...yes, ...noAlert }, 'accept', ['1']),
  row('05', 'risk score: yes, none needed', ['score', 'yes'], yes, 'accept'),
  row('05', 'risk score: no, none made', ['score', 'no'], no, 'reject'),
  row('05', 'risk score: not live, none made', ['score', 'inconclusive-not-live'], notLive, 'recapture'),
  row('05', 'risk score: +72', ['score', 'score-high'], { ...live, score: 72 }, 'score', ['1']),
  row('05', 'risk score: -63', ['score', 'score-low'], { ...live, score: -63 }, 'score', ['1']),
  row('05', 'risk score: 0, a bad capture', ['score', 'score-zero'], { ...live, score: 0 }, 'recapture', ['1']),
  row('05', 'risk score by a divergence: 1, 2, 3', ['score', 'divergence'], { ...live, score: 28 }, 'score', [
    '1',
    '2',
  ]),
  row('05 B', 'risk score from 2', ['score', 'divergence-at-create'], { ...live, score: 28 }, 'score', ['2']),
  row('07 D', 'alert and score: alert', ['all-d', 'fraud-inconclusive'], { ...inconclusive, ...alert }, 'alert'),
  row('07 D', 'alert and score', ['all-d', 'score-high'], { ...live, ...noAlert, score: 72 }, 'score', ['1']),
  row('07 B', 'alert and score: alert', ['all-b', 'fraud-inconclusive'], { ...inconclusive, ...alert }, 'alert', ['1']),
  row('07 B', 'alert and score', ['all-b', 'score-high'], { ...live, ...noAlert, score: 72 }, 'score', ['1']),
];

/** 1:1: whether the face is that of an earlier process. */
const validations: readonly Scenario[] = [
  row('03 D', '1:1: match', ['validation-d', 'yes'], { biometryToken: { result: 'true' }, liveness: 1 }, 'accept'),
  row('03 D', '1:1: no match', ['validation-d', 'no'], { biometryToken: { result: 'false' } }, 'reject'),
  row('03 B', '1:1: match', ['validation-b', 'yes'], { authenticated: true, liveness: 1 }, 'accept'),
  row('03 B', '1:1: no match', ['validation-b', 'no'], { authenticated: false }, 'reject'),
];

/** Documents after a biometric process of the key `proof`. */
interface DocumentScenario {
  name: string;
  what: string;
  proof: string;
  key: string;
  course: CourseName;
  /** Used again, or captured as one or two pictures. */
  from: 'reuse' | 'capture';
  words?: readonly string[];
  type: string;
}

const type = (name: string) => `unico.moja.dictionary.br.${name}`;
const [cnh, rg, cin, passport] = ['cnh.v2.Cnh', 'rg.v2.Rg', 'cin.v1.Cin', 'passaporte.v1.Passaporte'].map(type);
const documents: readonly DocumentScenario[] = [
  ...(
    [
      ['yes', cnh],
      ['document-rg', rg],
      ['document-cin', cin],
      ['document-passport', passport],
      ['document-unknown', 'UNKNOWN'],
    ] as const
  ).map(([course, kind]) => ({
    ...{ name: '06 D', what: `document captured: ${String(kind).split('.').at(-1)}` },
    ...{ proof: 'identity', key: 'documents-d', course, from: 'capture' as const, type: String(kind) },
  })),
  ...(
    [
      ['06 D', 'document used again', 'identity', 'documents-d', 'yes'],
      ['06 B', 'document used again, asynchronous', 'identity-b', 'documents-b', 'yes'],
      ['08 D', 'document after a behaviour alert', 'behaviour-d', 'documents-d', 'yes'],
      ['08 B', 'document after a behaviour alert', 'behaviour-b', 'documents-b', 'yes'],
      ['09 D', 'document after a score of +72', 'score', 'documents-d', 'score-high'],
      ['10 D', 'document after alert and score', 'all-d', 'documents-d', 'score-high'],
      ['10 B', 'document after alert and score', 'all-b', 'documents-b', 'score-high'],
    ] as const
  ).map(([name, what, proof, key, course]) => ({
    ...{ name, what, proof, key, course, from: 'reuse' as const, type: String(cnh) },
    words: key === 'documents-b' ? ['1'] : [],
  })),
  {
    ...{ name: '06 B', what: 'document captured, asynchronous', proof: 'identity-b', key: 'documents-b' },
    ...{ course: 'yes', from: 'capture', type: String(cnh), words: ['1'] },
  },
];

const lineOf = (name: string, what: string, between: string) => `scenario  ${name.padEnd(4)}  ${what}  ${between}`;

/** The ten scenarios, in both editions where they differ, and the ends without a result. */
export function scenarioLines(house: () => IdcloudHouse): ContractLine[] {
  const faces = scenarios.map((scenario) => ({
    line: lineOf(scenario.name, scenario.what, 'client simulator face'),
    checks: [
      ['client', () => direct(house(), scenario, face(scenario.course))],
      ['face', () => throughFace(house(), scenario, face(scenario.course))],
    ] as const,
  }));
  const compared = validations.map((scenario) => ({
    line: lineOf(scenario.name, scenario.what, 'client simulator face'),
    checks: [
      [
        'client and face',
        async () => {
          // At the face by our id, at IDCloud by its own.
          const reference = await completed(house(), 'identity', face(scenario.course));
          await throughFace(house(), scenario, { ...face(scenario.course), referenceProcessId: reference });
          const theirs = await upstreamIdOf(house(), reference);
          await direct(house(), scenario, { ...face(scenario.course), referenceProcessId: theirs });
        },
      ],
    ] as const,
  }));
  const reused = documents.map((scenario) => ({
    line: lineOf(scenario.name, scenario.what, 'client simulator face'),
    checks: [['client and face', () => document(house(), scenario)]] as const,
  }));
  return [...faces, ...compared, ...reused, ...endLines(house)];
}

/** With the typed client: the words on the way, and the end. @returns the whole answer of the end, where it is one to be sealed */
async function direct(
  house: IdcloudHouse,
  { key, words = [], answer, reason }: Pick<Scenario, 'key' | 'words' | 'answer' | 'reason'>,
  body: object,
  kind: 'idcloud.process' | 'idcloud.document' = 'idcloud.process',
): Promise<string> {
  const client = clientOf(house, key);
  const met: string[] = [];
  const created = await client.submit(kind, bodyOf(body));
  if (created.kind === 'answered') {
    assert.deepEqual(met, words);
    has(created, { outcome: { verdict: 'completed', upstreamStatus: '3', ...(reason && { reason }) }, answer });
    return created.kept?.body ?? '';
  }
  assert(created.kind === 'taken', `create: ${JSON.stringify(created)}`);
  met.push(created.upstreamStatus);
  for (;;) {
    const read = await client.result(kind, created.upstreamId);
    assert(read.kind === 'ok', `read: ${JSON.stringify(read)}`);
    if (read.value.final) {
      assert.deepEqual(met, words);
      has(read.value, { outcome: { verdict: 'completed', upstreamStatus: '3' }, answer });
      return read.value.kept?.body ?? '';
    }
    met.push(read.value.upstreamStatus);
    assert(met.length < 9, 'it does not end');
  }
}

/** A caller's view: the answer of create, and what a read of our id says in the end. */
async function throughFace(
  house: IdcloudHouse,
  { key, words = [], answer, reason }: Pick<Scenario, 'key' | 'words' | 'answer' | 'reason'>,
  body: object,
): Promise<{ id: string; last: unknown }> {
  const made = await atFace(house, { route: CREATE, key, body });
  assert.equal(made.status, 200, made.text);
  const { id, status } = made.json;
  // 1:1 of edition B has none.
  assert.equal(status, key === 'validation-b' ? undefined : Number(words[0] ?? 3));
  const { json: last } = await readToEnd(house, id, key);
  has(last, { id, ...answer });
  has(await rowOf(house, id), { state: 'concluded', verdict: 'completed', ...(reason && { reason }) });
  return { id, last };
}

async function document(house: IdcloudHouse, scenario: DocumentScenario): Promise<void> {
  const { proof, key, course, from, words = [] } = scenario;
  const our = await completed(house, proof, face(course));
  const theirs = await upstreamIdOf(house, our);
  const document = { purpose: 'onboarding', ...(await sourceOf(house, scenario)) };
  const bodyOfProof = (authProcessId: string) => ({
    subject: subjectOf(course),
    document: { ...document, authProcessId },
  });
  const facts = { document: { type: scenario.type } };
  const kept = await direct(house, { key, words, answer: facts }, bodyOfProof(theirs), 'idcloud.document');
  const { id, last } = await throughFace(house, { key, words, answer: facts }, bodyOfProof(our));
  for (const whole of [JSON.parse(kept), last]) {
    const { content, fileUrls } = whole.document;
    assert.equal(Object.keys(content).length > 0, scenario.type !== 'UNKNOWN');
    if (from === 'capture') assert.equal(fileUrls.length, 2);
    assert.equal((await fetch(fileUrls[0])).status, 200);
  }
  // In clear the ledger has the facts, and nobody's name.
  assert(!JSON.stringify((await rowOf(house, id)).result).includes('content'));
}

async function sourceOf(house: IdcloudHouse, { key, course, from }: DocumentScenario): Promise<object> {
  if (from === 'capture') return { files: [{ data: portrait }, { data: portrait }] };
  const route = `/documents/v1?code=${testCpfs[course]}&type=BR_CPF`;
  const { json } = await atFace(house, { route, key });
  return { documentId: json.items[0].documentId };
}

/** What a caller meets where there is no result. */
function endLines(house: () => IdcloudHouse): ContractLine[] {
  const contingency = async (course: CourseName, reason: string, attempts: number) => {
    const created = await clientOf(house(), 'identity').submit('idcloud.process', bodyOf(face(course)));
    if (created.kind !== 'taken') has(created, { kind: 'voided', reason });
    const made = await atFace(house(), { route: CREATE, key: 'identity', body: face(course) });
    const { json } = await readToEnd(house(), made.json.id, 'identity');
    assert.deepEqual(json, { id: made.json.id, status: 5 });
    has(await rowOf(house(), made.json.id), { verdict: 'contingency', reason, attempt: attempts });
  };
  const line = (what: string, title: string, check: () => Promise<void>): ContractLine => ({
    line: lineOf('all', what, 'client simulator face'),
    checks: [[title, check]],
  });
  return [
    line('status 5, always: four attempts, then contingency', 'ends', () => contingency('error', 'process-error', 4)),
    line('status 4: sent anew, then contingency', 'ends', () => contingency('cancelled', 'cancelled', 4)),
    line('status 5 once: sent anew and completed', 'is completed', async () => {
      const made = await atFace(house(), { route: CREATE, key: 'identity', body: face('error-once') });
      has(made.json, { status: 3, ...yes });
      has(await rowOf(house(), made.json.id), { attempt: 2 });
    }),
    line('a document that fails: status 5', 'ends', async () => {
      const authProcessId = await completed(house(), 'identity', face('document-error'));
      const document = { purpose: 'onboarding', authProcessId, files: [{ data: portrait }] };
      const body = { subject: subjectOf('document-error'), document };
      const made = await atFace(house(), { route: CREATE, key: 'documents-d', body });
      assert.deepEqual((await readToEnd(house(), made.json.id, 'documents-d')).json, { id: made.json.id, status: 5 });
    }),
    line('divergence that never ends: 2, and no verdict', 'waits', async () => {
      const made = await atFace(house(), { route: CREATE, key: 'score', body: face('divergence-for-ever') });
      await waitFor(
        async () => (await atFace(house(), { route: `${CREATE}/${made.json.id}`, key: 'score' })).json.status === 2,
        { what: 'status 2' },
      );
      has(await rowOf(house(), made.json.id), { state: 'awaiting', upstreamStatus: '2' });
    }),
    line('a number that no edition lists is no end', 'waits', async () => {
      const made = await atFace(house(), { route: CREATE, key: 'identity', body: face('unknown-status') });
      has(made.json, { status: 9 });
      has(await rowOf(house(), made.json.id), { state: 'awaiting', upstreamStatus: '9' });
    }),
  ];
}
