import { describe, expect, it } from 'vitest';
import {
  type ClientAdvice,
  type ClientFacts,
  decideClient,
  decideUnico,
  isOpenWord,
  type UnicoDecision,
  type UnicoFacts,
} from './idcloud-decision.ts';

const yes = { result: 'yes' };
const no = { result: 'no' };
const inconclusive = { result: 'inconclusive' };

/** The scenarios of by Client, as their answers stand at the end. */
const client: [string, Omit<ClientFacts, 'status'>, ClientAdvice | undefined][] = [
  ['liveness: live', { liveness: 1 }, 'accept'],
  ['liveness: not live', { liveness: 2 }, 'recapture'],
  ['identity: yes', { unicoId: yes }, 'accept'],
  ['identity: no', { unicoId: no }, 'reject'],
  ['identity: no, in an edition that says live', { unicoId: no, liveness: 1 }, 'reject'],
  ['identity: inconclusive and live', { unicoId: inconclusive, liveness: 1 }, 'manual'],
  ['identity: inconclusive and not live', { unicoId: inconclusive, liveness: 2 }, 'recapture'],
  ['identity: a word that nobody knows', { unicoId: { result: 'perhaps' }, liveness: 1 }, 'manual'],
  ['1:1, edition B: match', { authenticated: true, liveness: 1 }, 'accept'],
  ['1:1, edition B: no match', { authenticated: false, liveness: 1 }, 'reject'],
  ['1:1, edition B: match, not live', { authenticated: true, liveness: 2 }, 'recapture'],
  ['1:1, edition D: match', { biometryToken: { result: 'true' }, liveness: 1 }, 'accept'],
  ['1:1, edition D: no match', { biometryToken: { result: 'false' }, liveness: 1 }, 'reject'],
  ['1:1, edition D: a word that nobody knows', { biometryToken: { result: 'maybe' }, liveness: 1 }, 'manual'],
  [
    '1:1 and identity: a match that nobody knows',
    { biometryToken: { result: 'true' }, unicoId: inconclusive },
    'manual',
  ],
  ['behaviour: nothing known', { unicoId: yes, identityFraudsters: inconclusive }, 'accept'],
  ['behaviour: known', { unicoId: yes, identityFraudsters: yes }, 'alert'],
  ['behaviour: suspicious', { unicoId: yes, identityFraudsters: { result: 'SUSPICIOUS' } }, 'alert'],
  ['behaviour: known, and somebody else', { unicoId: no, identityFraudsters: yes }, 'reject'],
  ['score: positive', { unicoId: inconclusive, liveness: 1, score: 50 }, 'score'],
  ['score: negative', { unicoId: inconclusive, liveness: 1, score: -90 }, 'score'],
  ['score: 0 is a fault of the capture', { unicoId: inconclusive, liveness: 1, score: 0 }, 'recapture'],
  ['score and behaviour: known', { unicoId: inconclusive, liveness: 1, identityFraudsters: yes }, 'alert'],
  ['documents', {}, undefined],
];

describe('by Client', () => {
  it.each(client)('%s', (_what, facts, advice) => {
    expect(decideClient({ status: 3, ...facts })).toBe(advice);
    // Whatever stands there before the end, nothing is decided on.
    for (const status of [1, 2, 4, 5, 9]) expect(decideClient({ status, ...facts })).toBeUndefined();
  });
});

const [CREATED, FINISHED, FAILED] = ['PROCESS_STATE_CREATED', 'PROCESS_STATE_FINISHED', 'PROCESS_STATE_FAILED'];
const live = { livenessResult: 'LIVENESS_RESULT_LIVE' };
const notLive = { livenessResult: 'LIVENESS_RESULT_NOT_LIVE' };
const face = (word: string) => ({ authenticationResult: `AUTHENTICATION_RESULT_${word}` });
const scored = { scoreEngineResult: { scoreEnabled: 'SCORE_ENABLED_TRUE' } };
const fraud = { identityFraudstersResult: 'TRUST_RESULT_YES' };
const token = (word: string) => ({ bioTokenEngineResult: `BIO_TOKEN_ENGINE_RESULT_${word}` });
const smart = (word: string) => ({ smartRevalidationResult: `SMART_REVALIDATION_RESULT_${word}` });
const age = (word: string) => ({ idAgeResult: `ID_AGE_RESULT_${word}` });

const unico: [
  string,
  state: string | undefined,
  result: string,
  UnicoFacts['authenticationInfo'],
  [UnicoDecision['verdict'], UnicoDecision['reason']] | undefined,
][] = [
  ['created', CREATED, 'UNSPECIFIED', face('UNSPECIFIED'), undefined],
  ['a state that nobody knows', 'PROCESS_STATE_AWAITING', 'OK', face('POSITIVE'), undefined],
  ['finished with a result that nobody knows', FINISHED, 'GREAT', face('POSITIVE'), undefined],
  ['finished, and says that it is not', FINISHED, 'UNSPECIFIED', face('POSITIVE'), undefined],
  ['an error at its creation', FAILED, 'ERROR', undefined, ['contingency', 'process-error']],
  ['an error of biometrics', FINISHED, 'ERROR', face('UNSPECIFIED'), ['contingency', 'process-error']],
  ['expired', FINISHED, 'EXPIRED', face('UNSPECIFIED'), ['failed', 'expired']],
  ['expired, its state as it was', CREATED, 'EXPIRED', undefined, ['failed', 'expired']],
  ['approved', FINISHED, 'OK', { ...face('POSITIVE'), ...live }, ['match', 'positive']],
  ['approved, with a behaviour', FINISHED, 'OK', { ...face('POSITIVE'), ...live, ...fraud }, ['completed', 'alert']],
  ['scored', FINISHED, 'OK', { ...face('INCONCLUSIVE'), ...live, ...scored }, ['completed', 'score']],
  // Both readings of an inconclusive identity without a score.
  ['inconclusive (older)', FINISHED, 'OK', { ...face('INCONCLUSIVE'), ...live }, ['completed', 'inconclusive']],
  [
    'inconclusive (D)',
    FINISHED,
    'INVALID_IDENTITY',
    { ...face('INCONCLUSIVE'), ...live },
    ['completed', 'inconclusive'],
  ],
  ['not live', FINISHED, 'INVALID_IDENTITY', { ...face('INCONCLUSIVE'), ...notLive }, ['no-match', 'not-live']],
  ['not live, and called OK', FINISHED, 'OK', { ...face('POSITIVE'), ...notLive }, ['no-match', 'not-live']],
  ['negative', FINISHED, 'INVALID_IDENTITY', { ...face('NEGATIVE'), ...live }, ['no-match', 'negative']],
  ['negative, and called OK', FINISHED, 'OK', { ...face('NEGATIVE'), ...live }, ['no-match', 'negative']],
  ['1:1 match', FINISHED, 'OK', { ...token('POSITIVE'), ...live }, ['match', 'positive']],
  ['1:1 no match', FINISHED, 'INVALID_IDENTITY', { ...token('NEGATIVE'), ...live }, ['no-match', 'negative']],
  [
    '1:1 match of an unknown face',
    FINISHED,
    'OK',
    { ...token('POSITIVE'), ...face('INCONCLUSIVE') },
    ['completed', 'inconclusive'],
  ],
  ['smart revalidation', FINISHED, 'OK', { ...smart('POSITIVE'), ...live }, ['match', 'positive']],
  ['of age', FINISHED, 'OK', { ...age('POSITIVE'), ...live }, ['match', 'positive']],
  ['under age', FINISHED, 'OK', { ...age('NEGATIVE'), ...live }, ['no-match', 'negative']],
  ['age unknown', FINISHED, 'OK', { ...age('INCONCLUSIVE'), ...live }, ['completed', 'inconclusive']],
  ['liveness alone', FINISHED, 'OK', { ...face('UNSPECIFIED'), ...live }, ['completed', 'live']],
  ['OK without anything said', FINISHED, 'OK', undefined, ['completed', 'inconclusive']],
];

describe('by Unico', () => {
  it.each(unico)('%s', (_what, state, result, authenticationInfo, expected) => {
    const decision = decideUnico({ state: state ?? '', result: `PROCESS_RESULT_${result}`, authenticationInfo });
    expect(decision).toEqual(expected && { verdict: expected[0], reason: expected[1] });
  });
});

it.each([
  ['idcloud.process', '1', true],
  ['idcloud.process', '2', true],
  ['idcloud.document', '9', false],
  ['idcloud.unico', 'PROCESS_STATE_CREATED', true],
  ['idcloud.unico', 'PROCESS_STATE_FINISHED', false],
] as const)('%s that waits with %s is known: %s', (kind, word, known) => expect(isOpenWord(kind, word)).toBe(known));
