import { createCipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Four fingerprints as PNG in base64, the size that the reference measured with; and next to nothing. */
export const LARGE = 300_000;
export const SMALL = 2_000;
/** Number 0's `timestamp`. A body's number is added, so that the server knows which one came. */
export const FIRST_TIMESTAMP = 1_700_000_000_000;
/** CPFs of nobody. */
export const SOMEBODY = '52998224725';
export const OPERATOR = '12345678909';

/** Bodies `from` (inclusive) to `from + count` (exclusive). A number is used once in a run. */
export interface Range {
  from: number;
  count: number;
}

export function numbersIn({ from, count }: Range): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** SPID `UserTransactionRequest`s in JSON, all of one size. */
export interface Bodies {
  /** Of every body. */
  bytes: number;
  /** Fresh memory; the same bytes for the same number, in every process. */
  of(number: number): Buffer;
  /** What the server has to have seen of a body, for a comparison without its bytes. */
  checksumOf(number: number): number;
}

// The people and the number come first, so that who drains the body has to look at its beginning only.
const start = `{"data":{"userId":"${SOMEBODY}","operatorId":"${OPERATOR}","timestamp":`;
/** A body's number stands within this many bytes. */
export const HEAD_BYTES = start.length + String(FIRST_TIMESTAMP).length;

/** @param aim bytes; a body has a little less */
export function bodiesOf(aim: number): Bodies {
  const template = buildTemplate(aim);
  const of = (number: number) => {
    const body = Buffer.from(template);
    body.write(String(FIRST_TIMESTAMP + number), start.length, 'latin1');
    return body;
  };
  return { bytes: template.length, of, checksumOf: (number) => crc32(of(number)) };
}

/** Reads a body's number from its first `HEAD_BYTES`, or undefined where there is none. */
export function numberIn(head: Buffer): number | undefined {
  const timestamp = Number(head.toString('latin1', start.length, HEAD_BYTES));
  return Number.isSafeInteger(timestamp) ? timestamp - FIRST_TIMESTAMP : undefined;
}

function buildTemplate(aim: number): Buffer {
  const bytes = Math.floor(((aim - 500) / 4 / 4) * 3);
  const finger = (index: number) => ({
    index,
    content: pictureOf(bytes, index).toString('base64'),
    ...SIZE,
    resolution: 500,
  });
  const rest = JSON.stringify({ missingBiometrics: [], biometrics: [6, 7, 3, 2].map(finger) });
  return Buffer.from(`${start}${FIRST_TIMESTAMP},${rest.slice(1)}}`, 'latin1');
}

const SIZE = { width: 500, height: 550 };

/** The head of a PNG, and then bytes that do not compress, like a picture's, and are the same everywhere. */
export function pictureOf(bytes: number, seed: number): Buffer {
  const picture = createCipheriv('aes-256-ctr', Buffer.alloc(32, 7), Buffer.alloc(16, seed)).update(
    Buffer.alloc(bytes),
  );
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(picture);
  picture.writeUInt32BE(SIZE.width, 16);
  picture.writeUInt32BE(SIZE.height, 20);
  return picture;
}
