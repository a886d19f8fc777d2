import type { IdcloudKind } from './transaction.ts';

/**
 * What an answer of IDCloud means for whoever has to decide. Pure, in the order that Unico documents. Enumerations are open: a word that nobody knows is
 * never taken for a yes.
 */

/** Words of a process that is under way: by Client's 1 (processing) and 2 (divergence), by Unico's state. Any other that is no end is unknown. */
export function isOpenWord(kind: IdcloudKind, word: string): boolean {
  return kind === 'idcloud.unico' ? word === 'PROCESS_STATE_CREATED' : word === '1' || word === '2';
}

/** What of a by Client process decides. */
export interface ClientFacts {
  status: number;
  unicoId?: { result: string } | undefined;
  /** 1 live, 2 not live. */
  liveness?: number | undefined;
  identityFraudsters?: { result: string } | undefined;
  /** 1:1, editions B and D. */
  authenticated?: boolean | undefined;
  biometryToken?: { result: string } | undefined;
  /** -100 to 100; 0 is an error of the capture, not a verdict. */
  score?: number | undefined;
}

/**
 * What to do with a person after a by Client process: `accept`; `reject` (somebody else's face); `recapture` (not live, or a capture that cannot be
 * scored); `alert` (known fraudulent behaviour); `score` (inconclusive: the caller's threshold decides); `manual` (inconclusive, and nothing more will come).
 */
export type ClientAdvice = 'accept' | 'reject' | 'recapture' | 'alert' | 'score' | 'manual';

/** Undefined where there is nothing to decide on: any status but 3, and answers without a face (documents). */
export function decideClient(facts: ClientFacts): ClientAdvice | undefined {
  const { status, unicoId, liveness, identityFraudsters, authenticated, biometryToken, score } = facts;
  if (status !== 3) return undefined;
  const sameFace = authenticated === undefined ? biometryToken?.result : String(authenticated);
  if (sameFace === 'false' || unicoId?.result === 'no') return 'reject';
  if (liveness === 2) return 'recapture';
  // One edition has words beside these two.
  if (identityFraudsters && !['inconclusive', 'no'].includes(identityFraudsters.result)) return 'alert';
  if (unicoId?.result === 'yes') return 'accept';
  // Beside a 1:1 match too: it says that two faces are one, not whose.
  if (unicoId) return score === undefined ? 'manual' : score === 0 ? 'recapture' : 'score';
  if (sameFace !== undefined) return sameFace === 'true' ? 'accept' : 'manual';
  return liveness === 1 ? 'accept' : undefined;
}

/** What of a by Unico process decides. */
export interface UnicoFacts {
  state: string;
  result?: string | undefined;
  authenticationInfo?:
    | {
        authenticationResult?: string | undefined;
        livenessResult?: string | undefined;
        bioTokenEngineResult?: string | undefined;
        identityFraudstersResult?: string | undefined;
        smartRevalidationResult?: string | undefined;
        idAgeResult?: string | undefined;
        scoreEngineResult?: { scoreEnabled?: string | undefined } | undefined;
      }
    | undefined;
}

export interface UnicoDecision {
  verdict: 'match' | 'no-match' | 'failed' | 'contingency' | 'completed';
  reason:
    | 'positive'
    | 'negative'
    | 'not-live'
    | 'alert'
    | 'score'
    | 'inconclusive'
    | 'live'
    | 'expired'
    | 'process-error';
}

const decided = (verdict: UnicoDecision['verdict'], reason: UnicoDecision['reason']): UnicoDecision => ({
  verdict,
  reason,
});

/**
 * What a by Unico process ended with, in the order state, result, authenticationInfo; undefined while it is open, and for words nobody knows.
 * `completed` is over without a yes or a no: the caller's rules decide on its reason. An inconclusive identity is that, whether the edition calls the
 * process OK (older) or INVALID_IDENTITY (D).
 */
export function decideUnico({ state, result, authenticationInfo = {} }: UnicoFacts): UnicoDecision | undefined {
  if (state === 'PROCESS_STATE_FAILED') return decided('contingency', 'process-error');
  // An expired process is FINISHED by its notice; what a Get says of its state is not documented.
  if (result === 'PROCESS_RESULT_EXPIRED') return decided('failed', 'expired');
  if (state !== 'PROCESS_STATE_FINISHED') return undefined;
  const { livenessResult, scoreEngineResult, identityFraudstersResult } = authenticationInfo;
  const engines = [
    authenticationInfo.authenticationResult,
    authenticationInfo.bioTokenEngineResult,
    authenticationInfo.smartRevalidationResult,
    authenticationInfo.idAgeResult,
  ];
  const says = (word: string) => engines.some((one) => one?.endsWith(`_RESULT_${word}`));
  switch (result) {
    case 'PROCESS_RESULT_ERROR':
      return decided('contingency', 'process-error');
    case 'PROCESS_RESULT_INVALID_IDENTITY':
      if (livenessResult === 'LIVENESS_RESULT_NOT_LIVE') return decided('no-match', 'not-live');
      return says('NEGATIVE') ? decided('no-match', 'negative') : decided('completed', 'inconclusive');
    case 'PROCESS_RESULT_OK':
      if (says('NEGATIVE')) return decided('no-match', 'negative');
      if (livenessResult === 'LIVENESS_RESULT_NOT_LIVE') return decided('no-match', 'not-live');
      if (identityFraudstersResult === 'TRUST_RESULT_YES') return decided('completed', 'alert');
      if (says('INCONCLUSIVE')) {
        const scored = scoreEngineResult?.scoreEnabled === 'SCORE_ENABLED_TRUE';
        return decided('completed', scored ? 'score' : 'inconclusive');
      }
      if (says('POSITIVE')) return decided('match', 'positive');
      return decided('completed', livenessResult === 'LIVENESS_RESULT_LIVE' ? 'live' : 'inconclusive');
    default:
      return undefined;
  }
}
