import { IDCLOUD_MAX_IMAGE_BYTES, IDCLOUD_MIN_IMAGE_SIDES } from '@atesto/shared/contracts/idcloud-client';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import { IdcloudRefusal } from './idcloud-refusal.ts';
import { isWholePicture } from './picture-structure.ts';

/** Base64 of the largest picture. */
const TEXT_MAX = Math.ceil(IDCLOUD_MAX_IMAGE_BYTES / 3) * 4;
/** More than any camera's. A few kilobytes can claim a billion. */
const PIXELS_MAX = 50_000_000;

/** Checks a picture in plain base64 as IDCloud does, in its order; gives its bytes. @throws IdcloudRefusal 20505, 20506, 20807, 20900 */
export function checkPicture(text: unknown): Buffer {
  if (typeof text !== 'string') throw new IdcloudRefusal(20900);
  if (text.length > TEXT_MAX) throw new IdcloudRefusal(20506);
  const bytes = Buffer.from(text, 'base64');
  const header = readImageHeader(bytes);
  if (!header) throw new IdcloudRefusal(20505);
  // Node's decoder forgives what IDCloud does not: only text that comes out the same is base64.
  if (bytes.toString('base64') !== text || !isWholePicture(bytes, header.format)) throw new IdcloudRefusal(20900);
  if (bytes.length > IDCLOUD_MAX_IMAGE_BYTES) throw new IdcloudRefusal(20506);
  const { width, height } = header;
  if (width * height > PIXELS_MAX) throw new IdcloudRefusal(20900);
  const { long, short } = IDCLOUD_MIN_IMAGE_SIDES;
  if (Math.max(width, height) < long || Math.min(width, height) < short) throw new IdcloudRefusal(20807);
  return bytes;
}
