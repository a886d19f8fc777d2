import { createHash } from 'node:crypto';
import type { SimulatorContext } from './context.ts';
import { type Course, courseNamed } from './outcomes.ts';
import { capacitiesOf } from './unico-flows.ts';
import type { UnicoProcess } from './unico-processes.ts';
import type { Notice } from './webhooks.ts';

/** Signed addresses of by Unico. */
const FILE_LIFE = 300_000;

/** The body of create and get: section 3.3. */
export function unicoBody(process: UnicoProcess, { files, url }: SimulatorContext): object {
  const { id, request, state, result, parts, finishedAt, token } = process;
  const { flow, callbackUri, purpose, clientReference, useCase, person = {}, companyBranchId, bioTokenId } = request;
  return {
    process: {
      ...{ id, flow, callbackUri, purpose, token, state, result },
      userRedirectUrl: `${url()}/process/${id}`,
      createdAt: time(process.createdAt),
      ...(finishedAt === undefined ? {} : { finishedAt: time(finishedAt) }),
      expiresAt: time(process.expiresAt),
      ...(clientReference === undefined ? {} : { clientReference }),
      ...(useCase === undefined ? {} : { useCase }),
      capacities: capacitiesOf(parts),
      person: { notifications: [], ...person },
      companyData: { branchId: companyBranchId ?? '', countryCode: 'BRA' },
      ...(bioTokenId === undefined
        ? {}
        : { bioTokenData: { referenceProcessId: bioTokenId, authenticationId: process.authenticationId } }),
      authenticationInfo: authenticationInfo(process),
      services: services(process, files),
    },
  };
}

/** RFC 3339 with microseconds. */
function time(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z');
}

function authenticationInfo({ state, result, parts, course: name, authenticationId }: UnicoProcess): object {
  const course = courseNamed(name);
  // Of an error and of what expired nothing is known.
  const isVoid = result === 'PROCESS_RESULT_ERROR' || result === 'PROCESS_RESULT_EXPIRED';
  const isKnown = state === 'PROCESS_STATE_FINISHED' && !isVoid;
  const say = (isSaid: boolean, word: string) => (isKnown && isSaid ? word : 'UNSPECIFIED');
  const same = course.identity === 'no' ? 'NEGATIVE' : 'POSITIVE';
  const isInconclusive = parts.has('identity') && course.identity === 'inconclusive';
  const scored = isKnown && result === 'PROCESS_RESULT_OK' && parts.has('score') && isInconclusive;
  return {
    authenticationResult: `AUTHENTICATION_RESULT_${say(parts.has('identity'), identityWord(course))}`,
    authenticationId,
    livenessResult: `LIVENESS_RESULT_${say(parts.has('liveness'), course.live ? 'LIVE' : 'NOT_LIVE')}`,
    bioTokenEngineResult: `BIO_TOKEN_ENGINE_RESULT_${say(parts.has('validation'), same)}`,
    identityFraudstersResult: `TRUST_RESULT_${say(parts.has('behaviour'), course.fraud ? 'YES' : 'INCONCLUSIVE')}`,
    smartRevalidationResult: `SMART_REVALIDATION_RESULT_${say(parts.has('smart'), same)}`,
    idAgeResult: `ID_AGE_RESULT_${say(parts.has('age'), identityWord(course))}`,
    scoreEngineResult: {
      scoreEnabled: `SCORE_ENABLED_${say(true, scored ? 'TRUE' : 'FALSE')}`,
      score: scored ? course.score : 0,
    },
    ...(parts.has('serpro') && isKnown ? { serproResult: { score: course.identity === 'yes' ? 87 : 31 } } : {}),
    trustResult: 'TRUST_RESULT_UNSPECIFIED',
    faceWithOtherIdResult: 'TRUST_RESULT_UNSPECIFIED',
    riskLevelResult: 'TRUST_RESULT_UNSPECIFIED',
    frictionlessResult: 'FRICTIONLESS_RESULT_UNSPECIFIED',
  };
}

function identityWord({ identity }: Course): string {
  return { yes: 'POSITIVE', no: 'NEGATIVE', inconclusive: 'INCONCLUSIVE' }[identity];
}

const codes = { cnh: 'CNH', rg: 'RG', cin: 'CIN', passport: 'PASSAPORTE', unknown: 'UNKNOWN' } as const;

function services({ document, envelope }: UnicoProcess, files: SimulatorContext['files']): object[] {
  if (!document && !envelope) return [];
  const facts = { documento: document ? codes[document.type] : '' };
  const documents = document && [
    {
      doc: { version: 2, code: codes[document.type], data: document.content },
      typified: document.type !== 'unknown',
      cpf_match: document.cpfMatch,
      face_match: document.faceMatch,
      doc_id: document.id,
      validate_doc: document.cpfMatch && document.faceMatch,
      reused_doc: false,
      signed_url: files.sign(`${document.id}.pdf`, { title: 'Documento virtual', facts }, FILE_LIFE),
    },
  ];
  const signed = envelope && { envelopeId: envelope.id, documentIds: envelope.documentIds };
  return [{ ...(documents ? { documents, consent_granted: true } : {}), ...signed }];
}

/** The notice of its end. What happened last is told only where the person did not come to it. */
export function unicoNotice({ id, request, result }: UnicoProcess): Notice {
  const last = { lastEvent: 'EVENT_TYPE_PROCESS_CREATED', lastEventDescription: 'Process created' };
  const notice = { processId: id, state: 'PROCESS_STATE_FINISHED', flow: request.flow };
  return result === 'PROCESS_RESULT_EXPIRED' ? { ...notice, ...last } : notice;
}

/** What stands on the evidence of a process: facts that name nobody. */
export function evidenceFacts(process: UnicoProcess): Record<string, string> {
  return {
    Process: process.id,
    Flow: process.request.flow,
    Result: process.result,
    Finished: process.finishedAt === undefined ? '' : time(process.finishedAt),
    Digest: createHash('sha256').update(process.authenticationId).digest('hex'),
  };
}
