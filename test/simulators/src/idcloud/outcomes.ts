import { type Cpf, checkDigits } from '@atesto/shared/domain/cpf';
import { hashText } from '../people/random.ts';

/** A person's document: its type, and what the engine says of it. */
export interface CourseDocument {
  type: 'cnh' | 'rg' | 'cin' | 'passport' | 'unknown';
  cpfMatch: boolean;
  faceMatch: boolean;
  /** The document process ends with status 5. */
  fails: boolean;
  /** It is on record, to be reused. */
  reusable: boolean;
}

/** What is true of a person and how processes of theirs go. A key's capabilities and its edition decide what of it is said, and when. */
export interface Course {
  identity: 'yes' | 'no' | 'inconclusive';
  live: boolean;
  /** Behaviour alert. */
  fraud: boolean;
  /** Of those whose identity is inconclusive. */
  score: number;
  /** Statuses of create and of each step after it while the score is made; the last one stays. */
  scoring: readonly number[];
  /** The same for every process, whatever the key: nothing is said before status 3. */
  statuses?: readonly number[];
  /** `statuses` go for a subject's first process only. */
  once?: boolean;
  document: CourseDocument;
}

const cnh: CourseDocument = { type: 'cnh', cpfMatch: true, faceMatch: true, fails: false, reusable: true };
const yes: Course = {
  identity: 'yes',
  live: true,
  fraud: false,
  score: 28,
  scoring: [1, 3],
  document: cnh,
};
const inconclusive: Course = { ...yes, identity: 'inconclusive' };

/** Named courses. */
export const courses = {
  yes,
  no: { ...yes, identity: 'no' },
  'inconclusive-live': inconclusive,
  'inconclusive-not-live': { ...inconclusive, live: false },
  /** Recorded as 1 at create, 2 at a read; 3 with a score at last. */
  divergence: { ...inconclusive, scoring: [1, 2, 3] },
  /** Identity verification configured asynchronously. */
  processing: { ...yes, statuses: [1, 3] },
  cancelled: { ...yes, statuses: [4] },
  error: { ...yes, statuses: [5] },
  /** A number that no edition lists; it never ends. */
  'unknown-status': { ...yes, statuses: [9] },
  // The tenth place is the CPF that does not exist.
  fraud: { ...yes, fraud: true },
  'fraud-inconclusive': { ...inconclusive, fraud: true },
  'score-high': { ...inconclusive, score: 72 },
  'score-low': { ...inconclusive, score: -63 },
  'score-zero': { ...inconclusive, score: 0 },
  /** Edition B's sample of create. */
  'divergence-at-create': { ...inconclusive, scoring: [2, 3] },
  'divergence-for-ever': { ...inconclusive, scoring: [1, 2] },
  'error-once': { ...yes, statuses: [5], once: true },
  'processing-error': { ...yes, statuses: [1, 5] },
  'processing-cancelled': { ...yes, statuses: [1, 4] },
  'document-rg': { ...yes, document: { ...cnh, type: 'rg' } },
  'document-cin': { ...yes, document: { ...cnh, type: 'cin' } },
  'document-passport': { ...yes, document: { ...cnh, type: 'passport' } },
  'document-unknown': { ...yes, document: { ...cnh, type: 'unknown', cpfMatch: false, reusable: false } },
  'document-of-another': { ...yes, document: { ...cnh, cpfMatch: false, faceMatch: false } },
  'document-error': { ...yes, document: { ...cnh, fails: true } },
  'no-document': { ...yes, document: { ...cnh, reusable: false } },
} as const satisfies Record<string, Course>;
export type CourseName = keyof typeof courses;
export const courseNames = Object.keys(courses) as CourseName[];

export function courseNamed(name: CourseName): Course {
  return courses[name];
}

/** What each course shows, in words, for help texts and docs. */
export const courseMeanings: Readonly<Record<CourseName, string>> = {
  yes: 'the face is the holder’s',
  no: 'the face is not the holder’s; a 1:1 validation does not match',
  'inconclusive-live': 'nobody can tell; with risk score: +28, one step later',
  'inconclusive-not-live': 'nobody can tell and the person is not live: no score',
  divergence: 'risk score by way of a divergence: status 1, 2, 3 with +28',
  processing: 'asynchronous whatever the key: status 1, then as yes',
  cancelled: 'status 4; by Unico: FAILED at creation',
  error: 'status 5, always',
  'unknown-status': 'status 9, which no edition lists, for ever; by Unico: a result that none lists',
  fraud: 'as yes, and the behaviour alert says yes',
  'fraud-inconclusive': 'nobody can tell, and the behaviour alert says yes: no score',
  'score-high': 'risk score +72: documents may be reused',
  'score-low': 'risk score −63',
  'score-zero': 'risk score 0: no verdict',
  'divergence-at-create': 'risk score that begins with status 2, as edition B shows it',
  'divergence-for-ever': 'risk score that stays at status 2; by Unico: INVALID_IDENTITY',
  'error-once': 'status 5 for the first process, then as yes',
  'processing-error': 'status 1, then 5',
  'processing-cancelled': 'status 1, then 4',
  'document-rg': 'as yes; the document is an RG',
  'document-cin': 'as yes; the document is a CIN',
  'document-passport': 'as yes; the document is a passport',
  'document-unknown': 'as yes; the document is of an unknown type, its content empty; none to reuse',
  'document-of-another': 'as yes; CPF and face of the document are not the person’s',
  'document-error': 'as yes; document processes end with status 5',
  'no-document': 'as yes; no document to reuse',
};

/**
 * CPFs that always take the same course, whatever the seed: `0000100` and two digits for the course's place, with its check digits.
 * Unico publishes no test CPFs; these are the simulator's own, beside the range of the virtual people.
 */
export const testCpfs: Readonly<Record<CourseName, Cpf>> = Object.fromEntries(
  courseNames.map((name, at) => [name, testCpf(at < 9 ? at : at + 1)]),
) as Record<CourseName, Cpf>;

/** A CPF with right check digits that "does not exist": error 20507. */
export const nonexistentCpf: Cpf = testCpf(9);

function testCpf(place: number): Cpf {
  const nine = `0000100${String(place).padStart(2, '0')}`;
  return `${nine}${checkDigits(nine)}` as Cpf;
}

/** The course of a subject: a test CPF's own, a configured one, or `otherwise`; `seeded` draws one by the CPF and the seed. */
export function courseOf(
  cpf: string,
  configured: ReadonlyMap<string, CourseName>,
  otherwise: CourseName | 'seeded',
  seed: string,
): CourseName {
  const fixed = configured.get(cpf) ?? courseNames.find((name) => testCpfs[name] === cpf);
  if (fixed) return fixed;
  if (otherwise !== 'seeded') return otherwise;
  // Roughly what an onboarding sees; the proportions are ours.
  const drawn = hashText(`${seed} ${cpf}`)[0] % 100;
  if (drawn < 80) return 'yes';
  if (drawn < 88) return 'no';
  if (drawn < 90) return 'fraud';
  if (drawn < 92) return 'divergence';
  return drawn < 97 ? 'inconclusive-live' : 'inconclusive-not-live';
}
