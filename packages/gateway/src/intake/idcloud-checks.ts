import type { IdcloudErrorCode } from '@atesto/shared/contracts/idcloud-client';
import {
  createProcessRequest,
  IDCLOUD_MAX_IMAGE_BYTES,
  IDCLOUD_MIN_IMAGE_SIDES,
} from '@atesto/shared/contracts/idcloud-client';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import { readImageHeader } from '@atesto/shared/domain/image-header';

/** A refusal with IDCloud's own code, before anything is spent. */
export class IdcloudRefusal extends Error {
  override readonly name = 'IdcloudRefusal';
  readonly code: IdcloudErrorCode;
  constructor(code: IdcloudErrorCode) {
    super(`refused with ${code}`);
    this.code = code;
  }
}

/** Reads a create call's body in the order in which IDCloud complains. @throws IdcloudRefusal */
export function checkCreateProcess(body: Buffer): { cpf: Cpf } {
  const json = parseObject(body);
  if (!json) throw new IdcloudRefusal(20003);
  const { subject, imageBase64 } = json;
  if (typeof subject !== 'object' || subject === null) throw new IdcloudRefusal(20004);
  if (!('code' in subject) || !subject.code) throw new IdcloudRefusal(20005);
  if (!('name' in subject) || !subject.name) throw new IdcloudRefusal(20006);
  if (!imageBase64) throw new IdcloudRefusal(20009);
  const cpf = typeof subject.code === 'string' ? parseCpf(subject.code) : undefined;
  // Without punctuation: IDCloud takes eleven digits only.
  if (!cpf || cpf !== subject.code) throw new IdcloudRefusal(20507);
  if (typeof imageBase64 !== 'string') throw new IdcloudRefusal(20900);
  if (!isSdkJwt(imageBase64)) checkImage(imageBase64);
  if (!createProcessRequest.safeParse(json).success) throw new IdcloudRefusal(20003);
  return { cpf };
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(body.toString());
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The SDK's encrypted face is a compact JWT: only IDCloud can look inside. */
function isSdkJwt(text: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*(?:\.[\w-]*){0,2}$/.test(text);
}

function checkImage(text: string): void {
  const bytes = Buffer.from(text, 'base64');
  const header = readImageHeader(bytes);
  if (!header) throw new IdcloudRefusal(20505);
  // Node's decoder forgives what IDCloud does not: only text that comes out the same is base64.
  if (bytes.toString('base64') !== text) throw new IdcloudRefusal(20900);
  if (bytes.length > IDCLOUD_MAX_IMAGE_BYTES) throw new IdcloudRefusal(20506);
  const { long, short } = IDCLOUD_MIN_IMAGE_SIDES;
  if (Math.max(header.width, header.height) < long || Math.min(header.width, header.height) < short) {
    throw new IdcloudRefusal(20807);
  }
}
