import { randomBytes } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { decodePng } from './decode-png.ts';
import { encodePng } from './png.ts';

const [width, height] = [17, 11];
const colourType = { 1: 0, 2: 4, 3: 2, 4: 6 } as const;
const channelCounts = [1, 2, 3, 4] as const;

/** A PNG of the pixels as they were filtered, whatever they mean. */
function png(filtered: Buffer, fields: { depth?: number; colour?: number; interlace?: number; wide?: number } = {}) {
  const { depth = 8, colour = 0, interlace = 0, wide = width } = fields;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(wide, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, colour, 0, 0, interlace], 8);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const pixels = chunk('IDAT', deflateSync(filtered));
  return Buffer.concat([signature, chunk('IHDR', head), pixels, chunk('IEND', Buffer.alloc(0))]);
}

const rows = (channels: number, filterOf: (y: number) => number) =>
  Buffer.concat(
    Array.from({ length: height }, (_, y) => Buffer.concat([Buffer.of(filterOf(y)), randomBytes(width * channels)])),
  );

describe('PNG as pixels', () => {
  it.each(channelCounts)('reads what another encoder wrote, %i channels', (channels) => {
    const data = randomBytes(width * height * channels);
    const file = encode({ width, height, channels, depth: 8, data });
    expect(decodePng(file)).toEqual({ width, height, channels, data: new Uint8Array(data) });
  });

  it.each(channelCounts)('undoes every filter as another decoder does, %i channels', (channels) => {
    const file = png(
      rows(channels, (y) => y % 5),
      { colour: colourType[channels] },
    );
    expect(decodePng(file)?.data).toEqual(new Uint8Array(decode(file).data));
  });

  it('reads what the bridge writes', () => {
    const pixels = new Uint8Array(randomBytes(width * height));
    const file = encodePng({ width, height, pixels, dpiX: 500, dpiY: 500 });
    expect(decodePng(file)).toEqual({ width, height, channels: 1, data: pixels });
  });

  const plain = rows(1, () => 0);
  it.each([
    ['16 bits', png(plain, { depth: 16 })],
    ['a palette', png(plain, { colour: 3 })],
    ['interlace', png(plain, { interlace: 1 })],
    ['too many pixels', png(plain, { wide: 2_000_000 })],
    ['too few bytes', png(plain.subarray(0, -1))],
    ['too many bytes', png(Buffer.concat([plain, plain]))],
    ['pixels that do not inflate', Buffer.concat([png(plain).subarray(0, 45), Buffer.alloc(40)])],
    ['no PNG', Buffer.from('no picture at all, only text')],
    ['nothing', Buffer.alloc(0)],
  ])('leaves %s alone', (_what, file) => {
    expect(decodePng(file)).toBeUndefined();
  });
});
