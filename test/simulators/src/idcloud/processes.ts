import { createHash, randomUUID } from 'node:crypto';
import type { IdcloudErrorCode } from '@atesto/shared/contracts/idcloud-client';
import type { Account, SimulatedKey } from './accounts.ts';
import { allowsReuse, provesIdentity, statusesOf } from './client-answers.ts';
import { type DocumentRequest, type FaceRequest, readCreate } from './client-request.ts';
import type { Documents, PersonDocument } from './documents.ts';
import { type CourseName, courseNamed } from './outcomes.ts';
import { isExpiredCapture, isSdkCapture, pictureRefusal } from './picture.ts';

/** A process of by Client. */
export interface Process {
  id: string;
  kind: 'face' | 'document';
  account: string;
  key: SimulatedKey;
  /** Undefined where a 1:1 validation named nobody. */
  subject: string | undefined;
  name: string | undefined;
  course: CourseName;
  /** Of create and of each step after it; the last one stays. */
  statuses: readonly number[];
  /** How far along it is, and the status there. */
  step: number;
  status: number;
  document: PersonDocument | undefined;
  /** Edition B's id of the selfie. */
  transactionId: string;
  /** Epoch milliseconds. */
  createdAt: number;
  /** Where it came to its last status. */
  finishedAt: number | undefined;
}

export interface ProcessOptions {
  courseOf: (subject: string) => CourseName;
  documents: Documents;
  /** Milliseconds of each step; undefined takes one at every read. */
  stepMs: number | undefined;
  /** A proof of identity is good for one document of each type. */
  singleUseProof: boolean;
  now: () => number;
  /** A process that was not finished at create has come to its end. */
  onFinished: (process: Process) => void;
}

/** How long a finished process proves who somebody is. */
const PROOF_LIFE = 24 * 3_600_000;

/** The processes of by Client of all accounts. */
export class Processes {
  readonly #options: ProcessOptions;
  readonly #byId = new Map<string, Process>();
  readonly #usedCaptures = new Set<string>();
  readonly #known = new Set<string>();
  readonly #usedProofs = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  /** Creates one from a request's body, or says the code of the refusal. */
  create(body: unknown, account: Account, key: SimulatedKey): Process | IdcloudErrorCode {
    const request = readCreate(body, key);
    if (typeof request === 'number') return request;
    return request.kind === 'face' ? this.#face(request, account, key) : this.#document(request, account, key);
  }

  /** Reads one of an account, which takes it a step further where steps are taken by reads. */
  read(id: string, account: Account): Process | undefined {
    const process = this.#byId.get(id);
    if (process?.account !== account.name) return undefined;
    const { stepMs, now } = this.#options;
    const step = stepMs ? Math.floor((now() - process.createdAt) / stepMs) : process.step + 1;
    this.#advance(process, step);
    return process;
  }

  /** Takes one to its end. */
  finish(id: string): Process | undefined {
    const process = this.#byId.get(id);
    if (process) this.#advance(process, process.statuses.length);
    return process;
  }

  /** All of them (or a subject's), oldest first. */
  all(subject?: string): Process[] {
    const all = [...this.#byId.values()];
    return subject === undefined ? all : all.filter((one) => one.subject === subject);
  }

  /** Gives one another id; the old one is unknown from then on. */
  rename(from: string, to: string): void {
    const process = this.#byId.get(from);
    if (!process || !this.#byId.delete(from)) return;
    process.id = to;
    this.#byId.set(to, process);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #face(request: FaceRequest, account: Account, key: SimulatedKey): Process | IdcloudErrorCode {
    const refusal = this.#captureRefusal(request.picture, key);
    if (refusal !== undefined) return refusal;
    const { reference } = request;
    let subject: string | undefined = request.subject;
    if (reference && 'process' in reference) {
      const referred = this.#byId.get(reference.process);
      if (referred?.account !== account.name) return 50001;
      subject ??= referred.subject;
    } else if (reference) {
      const wrong = pictureRefusal(reference.picture);
      if (wrong !== undefined) return wrong;
    }
    return this.#add('face', subject, request.name, account, key);
  }

  #document(request: DocumentRequest, account: Account, key: SimulatedKey): Process | IdcloudErrorCode {
    const { subject, source } = request;
    const wrong = 'pictures' in source ? source.pictures.map(pictureRefusal).find((code) => code) : undefined;
    if (wrong !== undefined) return wrong;
    const proof = this.#byId.get(request.proof);
    if (proof?.account !== account.name) return 50001;
    // What an unfit proof or document gets is written nowhere (section 9, 5): the code of an invalid body.
    const { now, documents } = this.#options;
    const age = now() - (proof.finishedAt ?? Number.NEGATIVE_INFINITY);
    if (proof.subject !== subject || !provesIdentity(proof) || age > PROOF_LIFE) return 20003;
    const course = this.#options.courseOf(subject);
    const known = 'documentId' in source ? documents.get(source.documentId) : undefined;
    if ('documentId' in source && (known?.subject !== subject || !allowsReuse(proof))) return 20003;
    const { type } = known ?? courseNamed(course).document;
    if (this.#options.singleUseProof && !this.#useProof(`${proof.id} ${type}`)) return 20003;
    const document = 'pictures' in source ? documents.capture(subject, course, source.pictures.length) : known;
    return this.#add('document', subject, request.name, account, key, document);
  }

  #useProof(use: string): boolean {
    if (this.#usedProofs.has(use)) return false;
    this.#usedProofs.add(use);
    return true;
  }

  #captureRefusal(picture: string, key: SimulatedKey): IdcloudErrorCode | undefined {
    // A dot is never base64: it was to be a capture.
    if (!isSdkCapture(picture)) return key.sdkOnly || picture.includes('.') ? 10506 : pictureRefusal(picture);
    if (isExpiredCapture(picture, this.#options.now() / 1_000)) return 10507;
    const digest = createHash('sha256').update(picture).digest('base64');
    if (this.#usedCaptures.has(digest)) return 10508;
    this.#usedCaptures.add(digest);
    return undefined;
  }

  #add(
    kind: Process['kind'],
    subject: string | undefined,
    name: string | undefined,
    account: Account,
    key: SimulatedKey,
    document?: PersonDocument,
  ): Process {
    const { courseOf, now, stepMs } = this.#options;
    const course = courseOf(subject ?? '');
    const known = `${account.name} ${kind} ${subject}`;
    const statuses = statusesOf(courseNamed(course), key, kind, !this.#known.has(known));
    this.#known.add(known);
    const process: Process = {
      ...{ id: randomUUID(), kind, account: account.name, key, subject, name, course, statuses, document },
      ...{ step: 0, status: statuses[0] ?? 3, transactionId: randomUUID(), createdAt: now() },
      finishedAt: statuses.length === 1 ? now() : undefined,
    };
    this.#byId.set(process.id, process);
    if (stepMs && statuses.length > 1) this.#finishLater(process, stepMs * (statuses.length - 1));
    return process;
  }

  #finishLater(process: Process, ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#advance(process, process.statuses.length);
    }, ms);
    this.#timers.add(timer.unref());
  }

  #advance(process: Process, step: number): void {
    const last = process.statuses.length - 1;
    process.step = Math.min(Math.max(step, process.step), last);
    process.status = process.statuses[process.step] ?? process.status;
    // One that stays at 1 or 2 has an end in this table, and none for its caller.
    if (process.step < last || process.finishedAt !== undefined || process.status < 3) return;
    process.finishedAt = this.#options.now();
    this.#options.onFinished(process);
  }
}
