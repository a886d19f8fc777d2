import { inflateSync } from 'node:zlib';
import type { Pixels } from '@atesto/shared/domain/face-measures';

const channelsOf: Readonly<Record<number, Pixels['channels']>> = { 0: 1, 2: 3, 4: 2, 6: 4 };
/** Pixels that are decoded at most: 12 megapixels hold any camera's face. */
const PIXELS_MAX = 12_000_000;

/** Pixels of a PNG with 8 bits a channel and without interlace or palette; undefined for any other, and for a broken one. */
export function decodePng(file: Uint8Array): Pixels | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const parts: Buffer[] = [];
  let head: Buffer | undefined;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR' && length === 13) head = data;
    if (type === 'IDAT') parts.push(data);
    at += 12 + length;
  }
  if (head?.[8] !== 8 || head[12] !== 0) return undefined;
  const [width, height, channels] = [head.readUInt32BE(0), head.readUInt32BE(4), channelsOf[head[9] as number]];
  if (!channels || width * height === 0 || width * height > PIXELS_MAX) return undefined;
  const size = (width * channels + 1) * height;
  try {
    const raw = inflateSync(Buffer.concat(parts), { maxOutputLength: size });
    return raw.length === size ? { width, height, channels, data: unfilter(raw, width, height, channels) } : undefined;
  } catch {
    return undefined;
  }
}

function unfilter(raw: Uint8Array, width: number, height: number, channels: number): Uint8Array {
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const from = y * (stride + 1);
    const filter = raw[from];
    const to = y * stride;
    for (let x = 0; x < stride; x++) {
      const left = x < channels ? 0 : (out[to + x - channels] as number);
      const up = y === 0 ? 0 : (out[to + x - stride] as number);
      const corner = y === 0 || x < channels ? 0 : (out[to + x - stride - channels] as number);
      out[to + x] = (raw[from + 1 + x] as number) + predicted(filter, left, up, corner);
    }
  }
  return out;
}

/** The guess of each of PNG's filters. */
function predicted(filter: number | undefined, left: number, up: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4:
      return paeth(left, up, corner);
    default:
      return 0;
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
