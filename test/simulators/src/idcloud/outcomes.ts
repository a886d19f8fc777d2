import { type Cpf, checkDigits } from '@atesto/shared/domain/cpf';
import { hashText } from '../people/random.ts';

/** How a process goes: the bodies of the create call and of the reads after it, in turn; the last one stays. Without `id`. */
export type Course = readonly Readonly<Record<string, unknown>>[];

const yes = { status: 3, unicoId: { result: 'yes' } };
const no = { status: 3, unicoId: { result: 'no' } };
const live = { status: 3, unicoId: { result: 'inconclusive' }, liveness: 1 };
const notLive = { status: 3, unicoId: { result: 'inconclusive' }, liveness: 2 };

/** Named courses. Bodies are those of editions C to D and of the recorded ones (sections 2.3.2 and 2.3.5 of the reference). */
export const courses = {
  yes: [yes],
  no: [no],
  'inconclusive-live': [live],
  'inconclusive-not-live': [notLive],
  /** Risk score: recorded as 1 at create, 2 at a read, 3 with a score at last. */
  divergence: [
    { ...live, status: 1 },
    { ...live, status: 2 },
    { ...live, score: 28 },
  ],
  /** Identity verification configured asynchronously. */
  processing: [{ status: 1 }, yes],
  cancelled: [{ status: 4 }],
  error: [{ status: 5 }],
  /** A number that no edition lists; it never ends. */
  'unknown-status': [{ status: 9 }],
} as const satisfies Record<string, Course>;
export type CourseName = keyof typeof courses;
export const courseNames = Object.keys(courses) as CourseName[];

/**
 * CPFs that always take the same course, whatever the seed: `00001000` and the course's number, with its check digits.
 * Unico publishes no test CPFs; these are the simulator's own, beside the range of the virtual people.
 */
export const testCpfs: Readonly<Record<CourseName, Cpf>> = Object.fromEntries(
  courseNames.map((name, place) => [name, testCpf(place)]),
) as Record<CourseName, Cpf>;

/** A CPF with right check digits that "does not exist": error 20507. */
export const nonexistentCpf: Cpf = testCpf(9);

function testCpf(place: number): Cpf {
  const nine = `00001000${place}`;
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
  if (drawn < 90) return 'no';
  return drawn < 97 ? 'inconclusive-live' : 'inconclusive-not-live';
}
