import { IDCLOUD_MAX_IMAGE_BYTES, IDCLOUD_MIN_IMAGE_SIDES } from '@atesto/shared/contracts/idcloud-client';
import { IMAGE_HEADER_BYTES, readImageHeader } from '@atesto/shared/domain/image-header';
import type { ErrorCode } from './errors.ts';

/** Base64 text of the bytes that hold a picture's header. */
const HEAD_CHARS = Math.ceil(IMAGE_HEADER_BYTES / 3) * 4;

/** The capture SDK's encrypted form: opaque, three parts. */
export function isSdkCapture(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** What is wrong with a plain base64 picture, in the order of section 2.7: format, encoding, size, sides. */
export function pictureRefusal(text: string): ErrorCode | undefined {
  const header = readImageHeader(Buffer.from(text.slice(0, HEAD_CHARS), 'base64'));
  if (!header) return 20505;
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - padding) return 20900;
  if (bytes.length > IDCLOUD_MAX_IMAGE_BYTES) return 20506;
  const { long, short } = IDCLOUD_MIN_IMAGE_SIDES;
  const small = Math.max(header.width, header.height) < long || Math.min(header.width, header.height) < short;
  return small ? 20807 : undefined;
}
