import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readImageHeader } from './image-header.ts';

const chunk = (type: string, data: Buffer) => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
};
const uint32s = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
};
const signature = Buffer.from('89504e470d0a1a0a', 'hex');
const ihdr = (width: number, height: number) =>
  chunk('IHDR', Buffer.concat([uint32s(width, height), Buffer.from([8, 0, 0, 0, 0])]));
const phys = (perMetre: number, unit = 1) =>
  chunk('pHYs', Buffer.concat([uint32s(perMetre, perMetre), Buffer.from([unit])]));
const png = (...chunks: Buffer[]) => Buffer.concat([signature, ...chunks, chunk('IDAT', Buffer.alloc(4))]);
const jpeg = Buffer.from('ffd8ffe000104a46494600010101004800480000ffc0000b0801e0028001011100', 'hex');
const webp = (fourcc: string, data: string) =>
  Buffer.concat([
    Buffer.from('RIFF\0\0\0\0WEBP', 'latin1'),
    Buffer.from(fourcc, 'latin1'),
    Buffer.alloc(4),
    Buffer.from(data, 'hex'),
  ]);

describe('readImageHeader', () => {
  it.each([
    ['a PNG without a resolution', png(ihdr(357, 392)), { format: 'png', width: 357, height: 392 }],
    ['a PNG at 500 dpi', png(ihdr(357, 392), phys(19_685)), { format: 'png', width: 357, height: 392, dpi: 500 }],
    ['a PNG whose pHYs has no unit', png(ihdr(10, 20), phys(1, 0)), { format: 'png', width: 10, height: 20 }],
    [
      'a PNG whose pHYs comes after the pixels',
      Buffer.concat([png(ihdr(10, 20)), phys(19_685)]),
      { format: 'png', width: 10, height: 20 },
    ],
    ['a JPEG', jpeg, { format: 'jpeg', width: 640, height: 480 }],
    ['a lossy WebP', webp('VP8 ', '0000009d012a80020002000000000000'), { format: 'webp', width: 640, height: 512 }],
    [
      'a lossless WebP',
      webp('VP8L', '2f7f c277 00000000000000000000000000'.replaceAll(' ', '')),
      { format: 'webp', width: 640, height: 480 },
    ],
    ['an extended WebP', webp('VP8X', '000000007f0200df010000000000'), { format: 'webp', width: 640, height: 480 }],
  ])('reads %s', (_what, bytes, header) => expect(readImageHeader(bytes)).toEqual(header));

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('<html>', 'latin1')],
    ['a GIF', Buffer.from('GIF89a\x80\x02\xe0\x01', 'latin1')],
    ['a PNG signature alone', signature],
    ['a PNG of no width', png(ihdr(0, 10))],
    ['a JPEG that ends before its frame', jpeg.subarray(0, 20)],
    ['a JPEG whose segments are broken', Buffer.from('ffd8ffe00001ffc0000b0801e0028001', 'hex')],
  ])('refuses %s', (_what, bytes) => expect(readImageHeader(bytes)).toBeUndefined());

  it('survives any bytes', () => {
    const heads = fc.constantFrom(
      signature,
      Buffer.from('ffd8ff', 'hex'),
      Buffer.from('RIFF\0\0\0\0WEBPVP8X', 'latin1'),
      Buffer.alloc(0),
    );
    fc.assert(
      fc.property(heads, fc.uint8Array({ maxLength: 200 }), (head, tail) => {
        const header = readImageHeader(Buffer.concat([head, tail]));
        expect(header === undefined || header.width > 0).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});
