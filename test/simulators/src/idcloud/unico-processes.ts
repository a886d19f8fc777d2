import { randomUUID } from 'node:crypto';
import type { unicoResults, unicoStates } from '@atesto/shared/contracts/idcloud-unico';
import type { Account } from './accounts.ts';
import type { Documents, PersonDocument } from './documents.ts';
import { type Course, type CourseName, courseNamed } from './outcomes.ts';
import { type FlowPart, partsOf } from './unico-flows.ts';
import { lifeOf, type UnicoRequest } from './unico-request.ts';

/** The last one is listed nowhere: enumerations are open. */
type Result = (typeof unicoResults)[number] | 'PROCESS_RESULT_UNDER_REVIEW';

/** A journey that Unico hosts. */
export interface UnicoProcess {
  id: string;
  account: string;
  request: UnicoRequest;
  parts: ReadonlySet<FlowPart>;
  course: CourseName;
  state: (typeof unicoStates)[number];
  result: Result;
  /** Of the end: reference for a 1:1 validation; empty before. */
  authenticationId: string;
  /** Boots the web SDK. */
  token: string;
  document: PersonDocument | undefined;
  envelope: { id: string; documentIds: readonly string[] } | undefined;
  /** Epoch milliseconds. */
  createdAt: number;
  finishedAt: number | undefined;
  expiresAt: number;
}

export interface UnicoOptions {
  courseOf: (subject: string) => CourseName;
  documents: Documents;
  now: () => number;
  /** It has come to its end, by the person or by time. */
  onFinished: (process: UnicoProcess) => void;
}

/** The processes of by Unico of all accounts. */
export class UnicoProcesses {
  readonly #options: UnicoOptions;
  readonly #byId = new Map<string, UnicoProcess>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: UnicoOptions) {
    this.#options = options;
  }

  /** Creates one of an account; `cancelled` people fail at once. */
  create(request: UnicoRequest, account: Account): UnicoProcess {
    const { courseOf, now } = this.#options;
    const course = courseOf(request.person?.duiValue ?? '');
    const failed = course === 'cancelled';
    const createdAt = now();
    const process: UnicoProcess = {
      ...{ id: randomUUID(), account: account.name, request, course, createdAt },
      parts: partsOf(request.flow) ?? new Set(),
      state: failed ? 'PROCESS_STATE_FAILED' : 'PROCESS_STATE_CREATED',
      result: failed ? 'PROCESS_RESULT_ERROR' : 'PROCESS_RESULT_UNSPECIFIED',
      authenticationId: '',
      token: [randomUUID(), randomUUID(), randomUUID()].map((part) => part.replaceAll('-', '')).join('.'),
      document: undefined,
      envelope: undefined,
      finishedAt: undefined,
      expiresAt: createdAt + lifeOf(request) * 1_000,
    };
    this.#byId.set(process.id, process);
    this.#expireLater(process);
    return process;
  }

  /** One of an account, or of anybody where none is named. */
  get(id: string, account?: Account): UnicoProcess | undefined {
    const process = this.#byId.get(id);
    if (!process || (account && process.account !== account.name)) return undefined;
    this.#settle(process);
    return process;
  }

  all(): UnicoProcess[] {
    return [...this.#byId.values()];
  }

  /** The person has gone through the journey. Undefined where it is not there, or not open any more. */
  finish(id: string, course?: CourseName): UnicoProcess | undefined {
    const process = this.get(id);
    if (process?.state !== 'PROCESS_STATE_CREATED') return undefined;
    if (course) process.course = course;
    const { documents, now } = this.#options;
    process.result = resultOf(courseNamed(process.course), process.course, process.parts);
    process.authenticationId = randomUUID();
    const goesOn = process.result === 'PROCESS_RESULT_OK';
    if (goesOn && process.parts.has('documents')) {
      process.document = documents.capture(process.request.person?.duiValue ?? '', process.course, 1);
    }
    if (goesOn && process.parts.has('signature')) {
      const signed = (process.request.payload ?? []).flatMap((one) => one.envelopePayload.documents);
      process.envelope = { id: randomUUID(), documentIds: signed.map(() => randomUUID()) };
    }
    this.#end(process, now());
    return process;
  }

  /** The process whose signature a document was. */
  ofSigned(documentId: string, account: Account): UnicoProcess | undefined {
    return this.all().find((one) => one.account === account.name && one.envelope?.documentIds.includes(documentId));
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #expireLater(process: UnicoProcess): void {
    const left = process.expiresAt - this.#options.now();
    // Further away than a timer reaches is further away than a simulator lives.
    if (left > 2 ** 31 - 1) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#settle(process);
    }, left);
    this.#timers.add(timer.unref());
  }

  #settle(process: UnicoProcess): void {
    if (process.state !== 'PROCESS_STATE_CREATED' || this.#options.now() < process.expiresAt) return;
    process.result = 'PROCESS_RESULT_EXPIRED';
    this.#end(process, process.expiresAt);
  }

  #end(process: UnicoProcess, at: number): void {
    process.state = 'PROCESS_STATE_FINISHED';
    process.finishedAt = at;
    this.#options.onFinished(process);
  }
}

/** Section 8.2. */
function resultOf(course: Course, name: CourseName, parts: ReadonlySet<FlowPart>): Result {
  if (name === 'unknown-status') return 'PROCESS_RESULT_UNDER_REVIEW';
  if (course.statuses?.includes(5)) return 'PROCESS_RESULT_ERROR';
  if (!course.live) return 'PROCESS_RESULT_INVALID_IDENTITY';
  const checksFace = parts.has('identity') || parts.has('validation');
  if (checksFace && course.identity === 'no') return 'PROCESS_RESULT_INVALID_IDENTITY';
  const isScored = parts.has('score') && name !== 'divergence-for-ever';
  if (parts.has('identity') && course.identity === 'inconclusive' && !isScored)
    return 'PROCESS_RESULT_INVALID_IDENTITY';
  return 'PROCESS_RESULT_OK';
}
