import type { IdcloudCapability, IdcloudEdition } from '@atesto/shared/contracts/idcloud-accounts';
import { idcloudOperations } from '@atesto/shared/contracts/idcloud-client';
import { unicoOperations } from '@atesto/shared/contracts/idcloud-unico';
import { type ClientFacts, decideClient, decideUnico, type UnicoFacts } from '@atesto/shared/domain/idcloud-decision';
import { processBody, statusesOf } from '@atesto/simulators/idcloud/client-answers';
import { Documents } from '@atesto/simulators/idcloud/documents';
import { SignedFiles } from '@atesto/simulators/idcloud/files';
import {
  type CourseName,
  courseMeanings,
  courseNamed,
  courseNames,
  nonexistentCpf,
  testCpfs,
} from '@atesto/simulators/idcloud/outcomes';

/** Rows of the tables of `docs/idcloud.md`: from the contracts, from the decisions, and from what the simulator really answers. */

type Cells = readonly string[];

const code = (text: string) => `\`${text}\``;

/** Methods of the typed clients beside `send`. */
const methods: Record<keyof typeof idcloudOperations | keyof typeof unicoOperations, string> = {
  createProcess: 'submit',
  getProcess: 'result',
  getProcessV2: 'processV2',
  listDocuments: 'documents',
  createUnicoProcess: 'submit',
  getUnicoProcess: 'result, process',
  getSelfie: 'selfie',
  getEvidenceSet: 'evidenceSet',
  getSignedDocument: 'signedDocument',
  getSignedDocumentEvidence: 'signedDocumentEvidence',
};

export const operationHead: Cells = ['operation', 'at the gateway', 'who waits for IDCloud', 'method of the client'];
export const operationRows: Cells[] = [
  ...Object.entries({ ...idcloudOperations, ...unicoOperations }).map(([name, { method, path }]) => [
    code(name),
    code(`${method} /idcloud${path}`),
    method === 'POST' ? 'a worker: durable' : name === 'getProcess' ? 'a worker: from the ledger' : 'the caller: live',
    methods[name as keyof typeof methods].split(', ').map(code).join(', '),
  ]),
];

const face: readonly IdcloudCapability[] = ['liveness', 'identity'];
/** Capabilities of each scenario, and people who show what it can say. */
const scenarios: readonly [name: string, capabilities: readonly IdcloudCapability[], people: readonly CourseName[]][] =
  [
    ['01', ['liveness'], ['yes', 'inconclusive-not-live']],
    ['02', face, ['yes', 'no', 'inconclusive-live', 'inconclusive-not-live']],
    ['03', ['liveness', 'validation'], ['yes']],
    ['04', [...face, 'behaviour'], ['yes', 'inconclusive-live']],
    [
      '05',
      [...face, 'score'],
      ['yes', 'no', 'inconclusive-not-live', 'score-high', 'divergence', 'divergence-at-create'],
    ],
    ['06', ['documents'], ['yes', 'document-error']],
    ['07', [...face, 'behaviour', 'score'], ['fraud-inconclusive', 'score-high']],
  ];
const followed = [
  ['08', '04'],
  ['09', '05'],
  ['10', '07'],
] as const;

const documents = new Documents();
const files = new SignedFiles({ url: () => '', now: () => 0 });

/** Status and fields of create and of each read that says something else: `1: unicoId, liveness → 3: … score`. */
function told(course: CourseName, capabilities: readonly IdcloudCapability[], edition: IdcloudEdition): string {
  const key = { apiKey: '', capabilities, edition, sdkOnly: false };
  const kind = capabilities.includes('documents') ? 'document' : 'face';
  const statuses = statusesOf(courseNamed(course), key, kind, true);
  const subject = testCpfs[course];
  const document = kind === 'document' ? documents.capture(subject, course, 1) : undefined;
  const steps = statuses.map((status, step) => {
    const body = processBody(
      {
        ...{ id: '', kind, account: '', key, subject, name: undefined, course, statuses, step, status, document },
        ...{ transactionId: '', createdAt: 0, finishedAt: undefined },
      },
      files,
    );
    const { id: _, status: said, ...fields } = body as Record<string, unknown>;
    const names = Object.entries(fields).map(([name, value]) => code(name === 'document' ? named(value) : name));
    return `${said ?? '(no status)'}${names.length > 0 ? ` ${names.join(' ')}` : ''}`;
  });
  return steps.join(' → ');
}

/** A document that has more than its id. */
const named = (value: unknown) => (Object.keys(value as object).length > 1 ? 'document' : 'document.id');

export const scenarioHead: Cells = ['scenario', 'capabilities of the key', 'for example', 'edition D', 'edition B'];
export const scenarioRows: Cells[] = [
  ...scenarios.flatMap(([name, capabilities, people]) =>
    people.map((course, at) => {
      const [d, b] = [told(course, capabilities, 'D'), told(course, capabilities, 'B')];
      return [
        ...(at === 0 ? [name, capabilities.map(code).join(' ')] : ['', '']),
        ...[code(course), d, b === d ? 'the same' : b],
      ];
    }),
  ),
  ...followed.map(([name, first]) => [
    name,
    `those of ${first}; then another key with ${code('documents')}`,
    '',
    `as ${first}, then as 06`,
    'the same',
  ]),
];

const identity = (result: string, more: Partial<ClientFacts> = {}): ClientFacts => ({
  ...{ status: 3, unicoId: { result } },
  ...more,
});
const answers: readonly ClientFacts[] = [
  identity('yes'),
  identity('no'),
  identity('inconclusive', { liveness: 1 }),
  identity('inconclusive', { liveness: 2 }),
  identity('yes', { identityFraudsters: { result: 'yes' } }),
  identity('inconclusive', { liveness: 1, score: 72 }),
  identity('inconclusive', { liveness: 1, score: 0 }),
  { status: 3, authenticated: true, liveness: 1 },
  { status: 3, biometryToken: { result: 'false' }, liveness: 1 },
  { status: 3, liveness: 1 },
  { status: 3, liveness: 2 },
  { status: 3 },
];
const advised = {
  accept: 'take the person',
  reject: 'somebody else’s face',
  recapture: 'take another picture: not live, or one that cannot be scored',
  alert: 'known fraudulent behaviour: your rules',
  score: 'your threshold decides; documents can be used again from +50',
  manual: 'inconclusive, and nothing more will come',
} as const;

export const adviceHead: Cells = ['the answer says', '`reason`', 'what it means'];
export const adviceRows: Cells[] = answers.map((facts) => {
  const { status: _, ...said } = facts;
  const advice = decideClient(facts);
  const shown = Object.keys(said).length > 0 ? code(JSON.stringify(said)) : `no face: a ${code('document')}`;
  return [shown, advice ? code(advice) : '', advice ? advised[advice] : 'look at the document'];
});

const info = (result: string, liveness = 'LIVE', more: object = {}) => ({
  ...{ authenticationResult: `AUTHENTICATION_RESULT_${result}`, livenessResult: `LIVENESS_RESULT_${liveness}` },
  ...more,
});
const ended = (result: string, authenticationInfo?: UnicoFacts['authenticationInfo']): UnicoFacts => ({
  ...{ state: 'PROCESS_STATE_FINISHED', result: `PROCESS_RESULT_${result}`, authenticationInfo },
});
const situations: readonly [UnicoFacts, said: string][] = [
  [{ state: 'PROCESS_STATE_CREATED', result: 'PROCESS_RESULT_UNSPECIFIED' }, ''],
  [{ state: 'PROCESS_STATE_FAILED', result: 'PROCESS_RESULT_ERROR' }, ''],
  [ended('OK', info('POSITIVE')), 'positive, live'],
  [ended('OK', info('NEGATIVE')), 'negative'],
  [
    ended('OK', info('INCONCLUSIVE', 'LIVE', { scoreEngineResult: { scoreEnabled: 'SCORE_ENABLED_TRUE' } })),
    'inconclusive, with a score',
  ],
  [ended('OK', info('INCONCLUSIVE')), 'inconclusive (older editions)'],
  [
    ended('OK', info('POSITIVE', 'LIVE', { identityFraudstersResult: 'TRUST_RESULT_YES' })),
    'positive; behaviour alert',
  ],
  [ended('OK', info('UNSPECIFIED')), 'live, and no more was asked'],
  [ended('INVALID_IDENTITY', info('INCONCLUSIVE')), 'inconclusive (edition D)'],
  [ended('INVALID_IDENTITY', info('NEGATIVE')), 'negative'],
  [ended('INVALID_IDENTITY', info('NEGATIVE', 'NOT_LIVE')), 'not live'],
  [ended('ERROR'), ''],
  [ended('EXPIRED'), ''],
];

export const unicoHead: Cells = ['`state`', '`result`', '`authenticationInfo`', 'verdict', '`reason`'];
export const unicoRows: Cells[] = situations.map(([facts, said]) => {
  const decision = decideUnico(facts);
  return [
    facts.state.replace('PROCESS_STATE_', ''),
    facts.result?.replace('PROCESS_RESULT_', '') ?? '',
    said,
    decision ? code(decision.verdict) : 'waits',
    decision ? code(decision.reason) : '',
  ];
});

export const cpfHead: Cells = ['CPF', 'course', 'what happens'];
export const cpfRows: Cells[] = [
  ...courseNames.map((name) => [code(testCpfs[name]), code(name), courseMeanings[name]]),
  [code(nonexistentCpf), '', 'does not exist: error 20507'],
];
