import { randomUUID } from 'node:crypto';
import { documentTypes } from '@atesto/shared/contracts/idcloud-client';
import { documentContent } from './document-content.ts';
import { type CourseDocument, type CourseName, courseNamed } from './outcomes.ts';

export type DocumentType = CourseDocument['type'];

/** Names of the types on the wire; what is not recognised has this word and an empty content. */
export const documentTypeNames: Readonly<Record<DocumentType, string>> = {
  rg: documentTypes[0],
  cnh: documentTypes[1],
  cin: documentTypes[2],
  passport: documentTypes[3],
  unknown: 'UNKNOWN',
};

/** `type` of the look-up: the kind of identifier (editions B and D), or a document (E). */
const asked: Readonly<Record<string, readonly DocumentType[]>> = {
  BR_CPF: ['rg', 'cnh', 'cin', 'passport'],
  BR_RG: ['rg'],
  BR_CNH: ['cnh'],
  BR_CIN: ['cin'],
  BR_PASSPORT: ['passport'],
};

export interface PersonDocument {
  id: string;
  subject: string;
  type: DocumentType;
  cpfMatch: boolean;
  faceMatch: boolean;
  content: object;
  /** Pictures: the whole, or front and back. */
  files: number;
}

/** The documents that IDCloud has of people: those on record from the start, and those captured since. */
export class Documents {
  readonly #byId = new Map<string, PersonDocument>();
  readonly #recorded = new Set<string>();

  /** A document as it was captured. */
  capture(subject: string, course: CourseName, files: number): PersonDocument {
    const { type, cpfMatch, faceMatch } = courseNamed(course).document;
    const content = documentContent(type, subject, cpfMatch);
    const document = { id: randomUUID(), subject, type, cpfMatch, faceMatch, content, files };
    this.#byId.set(document.id, document);
    return document;
  }

  /** What can be reused of a person; undefined for a type that nobody knows. */
  reusable(subject: string, course: CourseName, type: string): PersonDocument[] | undefined {
    const types = Object.hasOwn(asked, type) ? asked[type] : undefined;
    if (!types) return undefined;
    if (courseNamed(course).document.reusable && !this.#recorded.has(subject)) {
      this.#recorded.add(subject);
      this.capture(subject, course, 1);
    }
    return [...this.#byId.values()].filter((one) => one.subject === subject && types.includes(one.type));
  }

  get(id: string): PersonDocument | undefined {
    return this.#byId.get(id);
  }
}
