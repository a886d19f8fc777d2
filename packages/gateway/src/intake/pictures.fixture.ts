import { crc32, deflateSync } from 'node:zlib';

function chunk(type: string, data: Buffer): Buffer {
  const frame = Buffer.alloc(12 + data.length);
  frame.writeUInt32BE(data.length);
  frame.write(type, 4, 'latin1');
  data.copy(frame, 8);
  frame.writeUInt32BE(crc32(frame.subarray(4, 8 + data.length)), 8 + data.length);
  return frame;
}

/**
 * A whole grey PNG of exactly `bytes` where that is given. `claim` writes another size into its head than it has pixels for; `comment` stands in its
 * last chunk but one.
 */
export function pngOf(
  width: number,
  height: number,
  {
    bytes,
    claim = false,
    shade = 128,
    comment,
  }: { bytes?: number; claim?: boolean; shade?: number; comment?: string } = {},
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = Buffer.alloc(claim ? 16 : (width + 1) * height, shade);
  if (!claim) for (let y = 0; y < height; y++) rows[y * (width + 1)] = 0;
  const parts = [
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    ...(comment === undefined ? [] : [chunk('tEXt', Buffer.from(`Comment\0${comment}`))]),
    chunk('IEND', Buffer.alloc(0)),
  ];
  if (bytes !== undefined) {
    const rest = bytes - Buffer.concat(parts).length - 12;
    parts.splice(2, 0, chunk('prVt', Buffer.alloc(rest)));
  }
  return Buffer.concat(parts);
}

/** The frame of a JPEG: tables and pixels are missing, which nobody sees who does not decode. */
export function jpegOf(width: number, height: number): Buffer {
  const frame = Buffer.from('ffc0000b080000000001011100', 'hex');
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  return Buffer.concat([
    Buffer.from('ffd8ffe000104a46494600010101004800480000', 'hex'),
    frame,
    Buffer.from('ffda0008010100003f00123456ffd9', 'hex'),
  ]);
}

/** The frame of a lossy WebP. */
export function webpOf(width: number, height: number): Buffer {
  const file = Buffer.alloc(40);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(32, 4);
  file.write('WEBPVP8 ', 8, 'latin1');
  file.writeUInt32LE(20, 16);
  file.writeUIntBE(0x9d012a, 23, 3);
  file.writeUInt16LE(width, 26);
  file.writeUInt16LE(height, 28);
  return file;
}

/** A compact JWS as the capture SDK gives it: nobody here has its key. */
export function sdkCaptureOf(payload: object, header: object = { alg: 'RS256', typ: 'JWT' }): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.c2lnbmF0dXJl`;
}
