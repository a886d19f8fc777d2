import {
  IDCLOUD_MAX_IMAGE_BYTES,
  IDCLOUD_MIN_IMAGE_SIDES,
  type IdcloudErrorCode,
} from '@atesto/shared/contracts/idcloud-client';
import { IMAGE_HEADER_BYTES, readImageHeader } from '@atesto/shared/domain/image-header';

/** Base64 text of the bytes that hold a picture's header. */
const HEAD_CHARS = Math.ceil(IMAGE_HEADER_BYTES / 3) * 4;
/** How long a capture of the SDK is good, in seconds. */
const CAPTURE_LIFE = 600;

/** The capture SDK's encrypted form: an opaque JWT, signed (three parts) or encrypted (five, the second of which may be empty). */
export function isSdkCapture(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text) || /^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Whether a capture says that it is too old: by `exp`, or ten minutes after `iat`, where that can be read. `now` in seconds. */
export function isExpiredCapture(text: string, now: number): boolean {
  const parts = text.split('.');
  const { exp, iat } = claimsOf(parts.length === 3 ? parts[1] : parts[0]);
  if (typeof exp === 'number') return exp <= now;
  return typeof iat === 'number' && iat + CAPTURE_LIFE <= now;
}

function claimsOf(part = ''): { exp?: unknown; iat?: unknown } {
  try {
    const claims: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : {};
  } catch {
    return {};
  }
}

/** What is wrong with a plain base64 picture, in the order of section 2.7: format, encoding, size, sides. */
export function pictureRefusal(text: string): IdcloudErrorCode | undefined {
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
