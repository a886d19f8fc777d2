import { documentPurposes, type IdcloudErrorCode, referenceTypes } from '@atesto/shared/contracts/idcloud-client';
import { type Cpf, parseCpf } from '@atesto/shared/domain/cpf';
import { can, isEdition, type SimulatedKey } from './accounts.ts';
import { nonexistentCpf } from './outcomes.ts';

/** A process with a face. */
export interface FaceRequest {
  kind: 'face';
  /** Absent only in a 1:1 validation of edition D. */
  subject: Cpf | undefined;
  name: string | undefined;
  picture: string;
  /** 1:1: a process, or a picture. */
  reference: { process: string } | { picture: string } | undefined;
}

/** A process with a document. */
export interface DocumentRequest {
  kind: 'document';
  subject: Cpf;
  name: string;
  /** The process that proves who it is. */
  proof: string;
  /** Where both are given the document to reuse wins (section 7, row 17). */
  source: { documentId: string } | { pictures: readonly string[] };
}

/** What a body asks for under a key, or the first row of the validation order (section 2.7) that it breaks. Names match in any case. */
export function readCreate(body: unknown, key: SimulatedKey): FaceRequest | DocumentRequest | IdcloudErrorCode {
  if (!isObject(body)) return 20003;
  const document = member(body, 'document');
  const onlyDocuments = key.capabilities.every((one) => one === 'documents');
  if (can(key, 'documents') && (onlyDocuments || document !== undefined)) return readDocument(body, document);
  return readFace(body, key);
}

/** The CPF of a text, where it exists. */
export function readCpf(text: string): Cpf | undefined {
  const cpf = /^\d{11}$/.test(text) ? parseCpf(text) : undefined;
  return cpf === nonexistentCpf ? undefined : cpf;
}

function readFace(body: Fields, key: SimulatedKey): FaceRequest | IdcloudErrorCode {
  const subject = member(body, 'subject');
  const nobody = subject === undefined && can(key, 'validation') && isEdition(key, 'D');
  if (!nobody && !isObject(subject)) return 20004;
  const code = isObject(subject) ? member(subject, 'code') : undefined;
  if (!nobody && !isFilled(code)) return 20005;
  const name = isObject(subject) ? member(subject, 'name') : undefined;
  const named = isEdition(key, 'B') && can(key, 'identity') && !can(key, 'validation');
  if (named && !isFilled(name)) return 20006;
  const picture = member(body, 'imageBase64');
  if (!isFilled(picture)) return 20009;
  const reference = can(key, 'validation') ? readReference(body) : undefined;
  // Which code a 1:1 validation without its reference gets is written nowhere: that of an invalid body.
  if (can(key, 'validation') && !reference) return 20003;
  const cpf = isFilled(code) ? readCpf(code) : undefined;
  if (!nobody && !cpf) return 20507;
  return { kind: 'face', subject: cpf, name: isFilled(name) ? name : undefined, picture, reference };
}

function readReference(body: Fields): FaceRequest['reference'] {
  const process = member(body, 'referenceProcessId');
  if (isFilled(process)) return { process };
  const references = member(body, 'references');
  const first: unknown = Array.isArray(references) ? references[0] : undefined;
  if (!isObject(first)) return undefined;
  const content = member(first, 'referenceContent');
  if (!isFilled(content)) return undefined;
  switch (referenceTypes.find((type) => type === member(first, 'referenceType'))) {
    case 'REFERENCE_TYPE_PROCESS_ID':
      return { process: content };
    case 'REFERENCE_TYPE_IMAGE_BASE64':
      return { picture: content };
    default:
      return undefined;
  }
}

function readDocument(body: Fields, document: unknown): DocumentRequest | IdcloudErrorCode {
  if (!isObject(document)) return 20003;
  const subject = member(body, 'subject');
  if (!isObject(subject)) return 20004;
  const code = member(subject, 'code');
  if (!isFilled(code)) return 20005;
  const name = member(subject, 'name');
  if (!isFilled(name)) return 20006;
  const cpf = readCpf(code);
  if (!cpf) return 20507;
  // Codes for what a document's part lacks are written nowhere (section 9, 5): that of an invalid body.
  if (!documentPurposes.some((purpose) => purpose === member(document, 'purpose'))) return 20003;
  const proof = member(document, 'authProcessId');
  if (!isFilled(proof)) return 20003;
  const documentId = member(document, 'documentId');
  if (isFilled(documentId)) return { kind: 'document', subject: cpf, name, proof, source: { documentId } };
  const pictures = readFiles(member(document, 'files'));
  return pictures ? { kind: 'document', subject: cpf, name, proof, source: { pictures } } : 20003;
}

/** One picture of the whole, or front and back. */
function readFiles(files: unknown): string[] | undefined {
  if (!Array.isArray(files) || files.length < 1 || files.length > 2) return undefined;
  const pictures = files.map((file: unknown) => (isObject(file) ? member(file, 'data') : undefined)).filter(isFilled);
  return pictures.length === files.length ? pictures : undefined;
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function member(object: Fields, name: string): unknown {
  const wanted = name.toLowerCase();
  const key = Object.keys(object).find((one) => one.toLowerCase() === wanted);
  return key === undefined ? undefined : object[key];
}
