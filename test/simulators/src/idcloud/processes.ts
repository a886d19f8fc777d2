import { randomUUID } from 'node:crypto';
import { type Cpf, parseCpf } from '@atesto/shared/domain/cpf';
import type { ErrorCode } from './errors.ts';
import { type CourseName, courseOf, courses, nonexistentCpf } from './outcomes.ts';
import { isSdkCapture, pictureRefusal } from './picture.ts';

export interface Process {
  id: string;
  subject: string;
  course: CourseName;
  /** How far along its course: the body that the last call was given. */
  step: number;
  /** Epoch milliseconds. */
  createdAt: number;
}

export interface ProcessOptions {
  /** Course of a subject that has none of its own. */
  otherwise: CourseName | 'seeded';
  courses: ReadonlyMap<string, CourseName>;
  /** Keys with liveness take only what the capture SDK made. */
  requireSdk: boolean;
  seed: string;
  now: () => number;
}

/** The processes of one tenant. */
export class Processes {
  readonly #options: ProcessOptions;
  readonly #byId = new Map<string, Process>();
  readonly #usedCaptures = new Set<string>();

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  /** Creates one from a request's body, or says the code of the refusal. */
  create(body: unknown): Process | ErrorCode {
    const request = readRequest(body);
    if (typeof request === 'number') return request;
    const refusal = this.#captureRefusal(request.picture);
    if (refusal !== undefined) return refusal;
    const { now, courses: configured, otherwise, seed } = this.#options;
    const course = courseOf(request.subject, configured, otherwise, seed);
    const process: Process = { id: randomUUID(), subject: request.subject, course, step: 0, createdAt: now() };
    this.#byId.set(process.id, process);
    return process;
  }

  /** Reads one, which takes it a step further along its course. */
  read(id: string): Process | undefined {
    const process = this.#byId.get(id);
    if (process) process.step = Math.min(process.step + 1, courses[process.course].length - 1);
    return process;
  }

  get(id: string): Process | undefined {
    return this.#byId.get(id);
  }

  /** All of them (or a subject's), oldest first. */
  all(subject?: string): Process[] {
    const all = [...this.#byId.values()];
    return subject === undefined ? all : all.filter((one) => one.subject === subject);
  }

  #captureRefusal(picture: string): ErrorCode | undefined {
    if (!isSdkCapture(picture)) return this.#options.requireSdk ? 10506 : pictureRefusal(picture);
    if (this.#usedCaptures.has(picture)) return 10508;
    this.#usedCaptures.add(picture);
    return undefined;
  }
}

/** The body of an answer. */
export function processBody(process: Process): object {
  return { id: process.id, ...courses[process.course][process.step] };
}

/** Subject and picture of a body, or the first row of the validation order that it breaks. Names match in any case (section 2.1). */
function readRequest(body: unknown): { subject: Cpf; picture: string } | ErrorCode {
  if (!isObject(body)) return 20003;
  const subject = member(body, 'subject');
  if (!isObject(subject)) return 20004;
  const code = member(subject, 'code');
  if (!isFilled(code)) return 20005;
  if (!isFilled(member(subject, 'name'))) return 20006;
  const picture = member(body, 'imageBase64');
  if (!isFilled(picture)) return 20009;
  const cpf = /^\d{11}$/.test(code) ? parseCpf(code) : undefined;
  return !cpf || cpf === nonexistentCpf ? 20507 : { subject: cpf, picture };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function member(object: Record<string, unknown>, name: string): unknown {
  const wanted = name.toLowerCase();
  const key = Object.keys(object).find((one) => one.toLowerCase() === wanted);
  return key === undefined ? undefined : object[key];
}
