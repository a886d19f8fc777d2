import { createCipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Bytes of a body to aim for: four fingerprints as PNG in base64, the size that the reference measured with. */
const AIM = 300_000;
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

// The people and the number come first, so that who drains the body has to look at its beginning only.
const start = `{"data":{"userId":"${SOMEBODY}","operatorId":"${OPERATOR}","timestamp":`;
const template = buildTemplate();
/** Of every body, in bytes. */
export const BODY_BYTES = template.length;
/** A body's number stands within this many bytes. */
export const HEAD_BYTES = start.length + String(FIRST_TIMESTAMP).length;

/** The request that is posted, a SPID `UserTransactionRequest` in JSON. Fresh memory; the same bytes for the same number, in every process. */
export function bodyOf(number: number): Buffer {
  const body = Buffer.from(template);
  body.write(String(FIRST_TIMESTAMP + number), start.length, 'latin1');
  return body;
}

/** Reads a body's number from its first `HEAD_BYTES`, or undefined where there is none. */
export function numberIn(head: Buffer): number | undefined {
  const timestamp = Number(head.toString('latin1', start.length, HEAD_BYTES));
  return Number.isSafeInteger(timestamp) ? timestamp - FIRST_TIMESTAMP : undefined;
}

/** What the server has to have seen of a body, for a comparison without its bytes. */
export function checksumOf(number: number): number {
  return crc32(bodyOf(number));
}

function buildTemplate(): Buffer {
  const finger = (index: number, bytes: number) => ({
    index,
    content: noise(bytes, index).toString('base64'),
    width: 500,
    height: 550,
    resolution: 500,
  });
  const bytes = Math.floor(((AIM - 500) / 4 / 4) * 3);
  const rest = JSON.stringify({ missingBiometrics: [], biometrics: [6, 7, 3, 2].map((i) => finger(i, bytes)) });
  return Buffer.from(`${start}${FIRST_TIMESTAMP},${rest.slice(1)}}`, 'latin1');
}

/** Bytes that do not compress, like a picture's, and are the same everywhere. */
function noise(bytes: number, index: number): Buffer {
  return createCipheriv('aes-256-ctr', Buffer.alloc(32, 7), Buffer.alloc(16, index)).update(Buffer.alloc(bytes));
}
