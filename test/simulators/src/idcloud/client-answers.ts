import { can, isEdition, type SimulatedKey } from './accounts.ts';
import { documentTypeNames } from './documents.ts';
import type { SignedFiles } from './files.ts';
import { type Course, courseNamed } from './outcomes.ts';
import type { Process } from './processes.ts';

/** Signed addresses of by Client. */
const FILE_LIFE = 600_000;

/** Statuses of create and of each step after it: section 8.1. The last one stays. */
export function statusesOf(
  course: Course,
  key: SimulatedKey,
  kind: Process['kind'],
  isFirst: boolean,
): readonly number[] {
  if (course.statuses && (isFirst || !course.once)) return course.statuses;
  if (kind === 'document') {
    const end = course.document.fails ? 5 : 3;
    return isEdition(key, 'B') ? [1, end] : [end];
  }
  if (can(key, 'validation')) return [3];
  if (isScored(course, key)) return course.scoring;
  return isEdition(key, 'B') && can(key, 'behaviour') ? [1, 3] : [3];
}

/** The risk score is made only of somebody live of whom nothing else is known. */
function isScored(course: Course, key: SimulatedKey): boolean {
  const alerted = course.fraud && can(key, 'behaviour');
  return can(key, 'score') && course.identity === 'inconclusive' && isLive(course, key) && !alerted;
}

function isLive(course: Course, key: SimulatedKey): boolean {
  return course.live || !can(key, 'liveness');
}

/** Whether a finished process proves who somebody is, for a document process. */
export function provesIdentity({ key, course, status }: Process): boolean {
  const { identity } = courseNamed(course);
  return status === 3 && can(key, 'identity') && identity !== 'no' && isLive(courseNamed(course), key);
}

/** Whether it allows the reuse of a document besides: a yes, or a score of at least +50. */
export function allowsReuse(process: Process): boolean {
  const course = courseNamed(process.course);
  return course.identity === 'yes' || (isScored(course, process.key) && course.score >= 50);
}

/** The body of create and get: section 8.3. */
export function processBody(process: Process, files: SignedFiles): object {
  const { id, status, statuses } = process;
  if (process.kind === 'document') return documentBody(process, files);
  const course = courseNamed(process.course);
  // A course that sets its own statuses is one that has nothing to say before the end.
  const isSilent = status > 3 || (status !== 3 && statuses === course.statuses);
  return isSilent ? { id, status } : { id, ...faceBody(course, process) };
}

function faceBody(course: Course, { key, status }: Process): object {
  const liveness = isLive(course, key) ? 1 : 2;
  const identity = can(key, 'identity') ? { unicoId: { result: course.identity } } : {};
  const alert = { identityFraudsters: { result: course.fraud ? 'yes' : 'inconclusive' } };
  const behaviour = can(key, 'behaviour') && (status === 3 || isEdition(key, 'D')) ? alert : {};
  if (can(key, 'validation')) {
    const matches = course.identity !== 'no';
    return isEdition(key, 'B')
      ? { authenticated: matches, liveness }
      : { status, ...identity, ...behaviour, biometryToken: { result: String(matches) }, liveness };
  }
  const isShown = !can(key, 'identity') || course.identity === 'inconclusive';
  const score = status === 3 && isScored(course, key) ? { score: course.score } : {};
  return { status, ...identity, ...behaviour, ...(isShown ? { liveness } : {}), ...score };
}

function documentBody({ id, status, document }: Process, files: SignedFiles): object {
  if (!document || status > 3) return { id, status };
  if (status !== 3) return { id, status, document: { id: document.id } };
  const { type, cpfMatch, faceMatch, content } = document;
  const fileUrls = Array.from({ length: document.files }, (_, at) =>
    files.sign(`${document.id}-${at + 1}.png`, { face: document.subject }, FILE_LIFE),
  );
  return {
    id,
    status,
    document: { id: document.id, type: documentTypeNames[type], cpfMatch, faceMatch, content, fileUrls },
  };
}

/** What editions B and C add in their second version of get. */
export function additionalInfo(process: Process, files: SignedFiles): object {
  const { id, status, subject, name, finishedAt, transactionId } = process;
  if (status !== 3 || finishedAt === undefined) return {};
  return {
    processAdditionalInfo: {
      transactionId,
      personName: name ?? '',
      personDocument: subject ?? '',
      personImage: files.sign(`${id}.png`, { face: subject ?? id }, FILE_LIFE),
      // Microseconds, and no zone.
      finishedAt: `${new Date(finishedAt).toISOString().slice(0, -1)}000`,
    },
  };
}
