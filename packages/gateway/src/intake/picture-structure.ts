import { crc32 } from 'node:zlib';
import type { ImageHeader } from '@atesto/shared/domain/image-header';

/**
 * Whether the bytes are this picture from the first to the last, as its format frames them, and nothing beside it: a program or an archive that
 * begins like a picture does not pass. Nothing is decoded. @param format as `readImageHeader` found it
 */
export function isWholePicture(bytes: Buffer, format: ImageHeader['format']): boolean {
  switch (format) {
    case 'png':
      return isWholePng(bytes);
    case 'jpeg':
      return isWholeJpeg(bytes);
    case 'webp':
      return isWholeWebp(bytes);
    default:
      return format satisfies never;
  }
}

/** More than any writer makes of 800 KB; the least of them has twelve bytes. */
const CHUNKS_MAX = 2_000;

/** Bit depths that a colour type may have. */
const pngDepths: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

function isWholePng(bytes: Buffer): boolean {
  if (!pngDepths[bytes[25] ?? -1]?.includes(bytes[24] ?? -1)) return false;
  if (bytes[26] !== 0 || bytes[27] !== 0 || (bytes[28] ?? 2) > 1) return false;
  let pixels = false;
  for (let at = 8, chunks = 0; at + 12 <= bytes.length && chunks < CHUNKS_MAX; chunks++) {
    const length = bytes.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > bytes.length || crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) return false;
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IEND') return pixels && length === 0 && end === bytes.length;
    pixels ||= type === 'IDAT';
    at = end;
  }
  return false;
}

/** Segments up to the first scan, then an end that is the end. What cameras put behind it (a film, a depth map) is no picture. */
function isWholeJpeg(bytes: Buffer): boolean {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  if (end < 4 || bytes.readUInt16BE(end - 2) !== 0xffd9) return false;
  for (let at = 2; at + 4 <= end; ) {
    if (bytes[at] !== 0xff) return false;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // Frames, tables, applications' data and comments; SOS begins the pixels.
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9) || marker > 0xfe) return false;
    const length = bytes.readUInt16BE(at + 2);
    if (length < 2) return false;
    if (marker === 0xda) return at + 2 + length < end;
    at += 2 + length;
  }
  return false;
}

function isWholeWebp(bytes: Buffer): boolean {
  if (bytes.readUInt32LE(4) + 8 !== bytes.length) return false;
  let pixels = false;
  let at = 12;
  for (let chunks = 0; at + 8 <= bytes.length && chunks < CHUNKS_MAX; chunks++) {
    const type = bytes.toString('latin1', at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    // A key frame begins with its start code, behind three bytes of flags; a lossless one with its signature.
    if (type === 'VP8 ' && bytes.toString('hex', at + 11, at + 14) !== '9d012a') return false;
    if (type === 'VP8L' && bytes[at + 8] !== 0x2f) return false;
    pixels ||= type === 'VP8 ' || type === 'VP8L' || type === 'ANMF';
    at += 8 + length + (length % 2);
  }
  return pixels && at === bytes.length;
}
