/** Every problem that a native route answers: code → status and title. The table is published in `docs/errors.md`. */
export const problems = {
  'invalid-request': { status: 400, title: 'The request is not as described in /openapi.json' },
  'invalid-cpf': { status: 400, title: 'The CPF is not valid: eleven digits with right check digits are needed' },
  'invalid-image': { status: 400, title: 'The body is no PNG, JPEG or WebP picture' },
  'image-too-large': { status: 413, title: 'The picture has too many pixels' },
  'digest-missing': { status: 400, title: 'A Content-Digest header with sha-256 is needed (RFC 9530)' },
  'digest-mismatch': { status: 400, title: 'The bytes do not match their Content-Digest: send them again' },
  'unknown-capture': { status: 400, title: 'A capture that the request names was not uploaded' },
  'capture-spent': { status: 409, title: 'A capture that the request names went into another transaction' },
  'unknown-key': { status: 400, title: 'No IDCloud account or key of this name is configured here' },
  'unknown-station': { status: 400, title: 'The station that the request names is not one that its caller may name' },
  'unfit-request': { status: 422, title: 'IDCloud would not take this face with this key' },
  'duplicate-finger': { status: 400, title: 'A finger is named twice' },
  unauthenticated: { status: 401, title: 'A key is needed: Authorization: Bearer <key>' },
  forbidden: { status: 403, title: 'This key does not open this route' },
  'invalid-code': { status: 403, title: 'The enrolment code is unknown, expired or spent: ask for a new one' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'id-conflict': { status: 409, title: 'This id stands for other content' },
  'no-report-yet': { status: 409, title: 'The upstream has not taken the transaction yet, so it has no report' },
  'not-taken-yet': { status: 409, title: 'The upstream has not taken the transaction yet: try again later' },
  'not-rejected': { status: 409, title: 'Only an enrolment that the upstream rejected is redirected' },
  'upstream-refused': { status: 422, title: 'The upstream refused the request' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'This content type is not taken here' },
  'too-many-requests': { status: 429, title: 'Too many requests: wait as Retry-After says' },
  'station-away': { status: 503, title: 'The station is not connected: nobody was photographed for this request' },
  'station-cannot': { status: 409, title: 'The station has no camera, or its bridge is too old to use one' },
  'station-busy': { status: 409, title: 'The station takes another capture now: try again when it is done' },
  'station-timeout': { status: 504, title: 'The station took no face in time: nothing was accepted' },
  'face-failed': { status: 502, title: 'The station could not take the face: nothing was accepted' },
  'upstream-unavailable': { status: 503, title: 'The upstream does not answer: try again later' },
  'storage-unavailable': { status: 503, title: 'Nothing can be stored at the moment: nothing was accepted, try again' },
  internal: { status: 500, title: 'Something went wrong here; it has been logged' },
} as const;
export type ProblemCode = keyof typeof problems;

/** A wrong field: where, and what is wrong with it. Never its value. */
export interface ProblemField {
  path: string;
  problem: string;
}

/** Thrown by native routes; the error handler turns it into `application/problem+json`. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly fields: readonly ProblemField[] | undefined;
  constructor(code: ProblemCode, fields?: readonly ProblemField[]) {
    super(code);
    this.code = code;
    this.fields = fields;
  }
}

/** The RFC 9457 document. */
export function problemDocument(code: ProblemCode, fields?: readonly ProblemField[]) {
  const { status, title } = problems[code];
  return { type: `https://atesto.dev/problems/${code}`, title, status, ...(fields ? { fields } : {}) };
}
