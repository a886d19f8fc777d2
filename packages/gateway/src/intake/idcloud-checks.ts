import type { IdcloudKey } from '@atesto/shared/contracts/idcloud-accounts';
import { createDocumentRequest, createProcessRequest } from '@atesto/shared/contracts/idcloud-client';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import * as z from 'zod';
import { inCamelCase } from './any-case.ts';
import { isObject, parseBoundedObject } from './bounded-json.ts';
import { checkPicture } from './idcloud-picture.ts';
import { IdcloudRefusal } from './idcloud-refusal.ts';
import { isSdkCapture } from './sdk-capture.ts';

/** What a body may have beside its pictures, in bytes. */
export const BODY_REST_BYTES_MAX = 64 * 1024;

const uuid = z.guid();

/** A create call that IDCloud would read. */
export interface CheckedCreate {
  kind: 'idcloud.process' | 'idcloud.document';
  /** Undefined where a 1:1 names nobody. */
  cpf: Cpf | undefined;
  /** The body with its names in camel case. */
  json: Record<string, unknown>;
  /** Whether they were not so before. */
  recased: boolean;
  /** The face, where it is a picture: for measures. */
  picture?: Buffer;
  /** The face, where it is a capture of the SDK: good for one submission. */
  sdkCapture?: string;
}

/**
 * Reads a create call's body in the order in which IDCloud complains. What is asked for follows from the key's capabilities and the body.
 * @throws IdcloudRefusal
 */
export function checkCreate(body: Buffer, key: Omit<IdcloudKey, 'apiKey' | 'name'>, nowMs: number): CheckedCreate {
  const parsed = parseBoundedObject(body);
  const cased = parsed && inCamelCase(parsed);
  if (!cased || !isObject(cased.value)) throw new IdcloudRefusal(20003);
  const { value: json, changed: recased } = cased;
  const isDocument = key.capabilities.includes('documents') && ('document' in json || key.capabilities.length === 1);
  const checked = isDocument ? checkDocument(json) : checkFace(json, key, nowMs);
  if (body.length - checked.pictureCharacters > BODY_REST_BYTES_MAX) throw new IdcloudRefusal(20003);
  const { pictureCharacters: _, ...rest } = checked;
  return { ...rest, json, recased };
}

type Checked = Omit<CheckedCreate, 'json' | 'recased'> & { pictureCharacters: number };

function checkFace(
  json: Record<string, unknown>,
  { capabilities, edition, sdkOnly }: Pick<IdcloudKey, 'capabilities' | 'edition' | 'sdkOnly'>,
  nowMs: number,
): Checked {
  const { imageBase64, references } = json;
  const isValidation = capabilities.includes('validation');
  const code = readCode(json, {
    // 1:1 of edition D does without a subject.
    optional: isValidation && edition === 'D',
    // Edition B wants a name wherever the identity is looked up.
    named: edition === 'B' && !isValidation && capabilities.includes('identity'),
  });
  if (!imageBase64) throw new IdcloudRefusal(20009);
  const cpf = code === undefined ? undefined : requireCode(code);
  const face = readFace(imageBase64, sdkOnly, nowMs);
  if (!createProcessRequest.safeParse(json).success) throw new IdcloudRefusal(20003);
  if (isValidation && !json.referenceProcessId && !(Array.isArray(references) && references.length > 0)) {
    throw new IdcloudRefusal(20003);
  }
  const pictures = [imageBase64, ...referencePictures(references)];
  for (const picture of pictures.slice(1)) checkPicture(picture);
  return { kind: 'idcloud.process', cpf, ...face, pictureCharacters: lengthOf(pictures) };
}

function checkDocument(json: Record<string, unknown>): Checked {
  const code = readCode(json, { optional: false, named: true });
  const request = createDocumentRequest.safeParse(json).data;
  // It has no codes for what is wrong with a document's own fields.
  if (!request || !uuid.safeParse(request.document.authProcessId).success) throw new IdcloudRefusal(20003);
  const { documentId, files } = request.document;
  if (documentId === undefined && files === undefined) throw new IdcloudRefusal(20003);
  if (documentId !== undefined && !uuid.safeParse(documentId).success) throw new IdcloudRefusal(20003);
  const cpf = requireCode(code);
  const pictures = files?.map(({ data }) => data) ?? [];
  // Where both are given, the document to use again wins.
  if (documentId === undefined) for (const picture of pictures) checkPicture(picture);
  return { kind: 'idcloud.document', cpf, pictureCharacters: lengthOf(pictures) };
}

/** The subject's code, as far as it was given. */
function readCode({ subject }: Record<string, unknown>, wants: { optional: boolean; named: boolean }): unknown {
  if (subject === undefined && wants.optional) return undefined;
  if (!isObject(subject)) throw new IdcloudRefusal(20004);
  if (!subject.code) throw new IdcloudRefusal(20005);
  if (wants.named && !subject.name) throw new IdcloudRefusal(20006);
  return subject.code;
}

function requireCode(code: unknown): Cpf {
  const cpf = typeof code === 'string' ? parseCpf(code) : undefined;
  // Without punctuation: IDCloud takes eleven digits only.
  if (!cpf || cpf !== code) throw new IdcloudRefusal(20507);
  return cpf;
}

function readFace(face: unknown, sdkOnly: boolean, nowMs: number): Pick<CheckedCreate, 'picture' | 'sdkCapture'> {
  if (typeof face === 'string' && isSdkCapture(face, nowMs)) return { sdkCapture: face };
  if (sdkOnly) throw new IdcloudRefusal(10506);
  return { picture: checkPicture(face) };
}

function referencePictures(references: unknown): string[] {
  if (!Array.isArray(references)) return [];
  return references
    .filter(({ referenceType }) => referenceType === 'REFERENCE_TYPE_IMAGE_BASE64')
    .map(({ referenceContent }) => referenceContent);
}

function lengthOf(texts: readonly unknown[]): number {
  return texts.reduce<number>((sum, text) => sum + (typeof text === 'string' ? text.length : 0), 0);
}
