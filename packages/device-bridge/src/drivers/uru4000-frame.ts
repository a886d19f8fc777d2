/**
 * A frame of the U.are.U 4000 family, from bytes to rows. Pure functions: nothing here knows a bus.
 *
 * Layout: 64 bytes of header (u16 little endian row count at 4, key number at 6, fifteen pairs {flags, rows} at 16), then
 * rows of 384 bytes. Every error is a `FrameError`; the input is what a device sent and may be anything.
 */

import { BLOCK, FRAME } from './uru4000-protocol.ts';

export type FrameErrorKind =
  /** Shorter than its header says, or than a header. */
  | 'short'
  /** A row count that no frame has. */
  | 'rows'
  /** Blocks that do not fit the rows. */
  | 'blocks'
  /** Noise where a picture should be: the key was not this frame's. */
  | 'key';

/** A frame that is not one; the reader is asked for another. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly kind: FrameErrorKind;
  constructor(kind: FrameErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A run of rows that were treated alike. `flags` are `BLOCK` bits. */
export interface Block {
  flags: number;
  rows: number;
}

export interface Frame {
  keyNumber: number;
  /** Rows in `data`. */
  rows: number;
  blocks: Block[];
  /** `rows` x 384 bytes as received. */
  data: Uint8Array;
}

const PAIRS_AT = 16;
const PAIRS = 15;
/** Squared deviation of the column sums of two neighbouring rows: noise is far above, a picture far below. */
const SCRAMBLED_FROM = 5_000;
/** Rows that may be missing at the end and are then repeated from the last one. */
const MISSING_ROWS = 4;

/** @throws FrameError */
export function parseFrame(bytes: Uint8Array): Frame {
  if (bytes.length < FRAME.header) throw new FrameError('short', `a frame of ${bytes.length} bytes`);
  const rows = (bytes[4] ?? 0) | ((bytes[5] ?? 0) << 8);
  if (rows < 2 || rows >= FRAME.height) throw new FrameError('rows', `a frame of ${rows} rows`);
  const end = FRAME.header + rows * FRAME.width;
  if (bytes.length < end) throw new FrameError('short', `${bytes.length} bytes for ${rows} rows`);
  const blocks: Block[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const at = PAIRS_AT + pair * 2;
    const block = { flags: bytes[at] ?? 0, rows: bytes[at + 1] ?? 0 };
    // What stands behind the first empty pair is left over from other frames.
    if (block.rows === 0) break;
    blocks.push(block);
  }
  assertBlocksFit(blocks, rows);
  return { keyNumber: bytes[6] ?? 0, rows, blocks, data: bytes.subarray(FRAME.header, end) };
}

/** Whether the rows are scrambled: noise instead of a picture. The header's flags do not tell. */
export function isScrambled(frame: Frame): boolean {
  const { width } = FRAME;
  const sums = new Array<number>(width);
  let total = 0;
  for (let x = 0; x < width; x++) {
    const sum = (frame.data[x] ?? 0) + (frame.data[width + x] ?? 0);
    sums[x] = sum;
    total += sum;
  }
  const mean = Math.floor(total / width);
  const deviation = sums.reduce((all, sum) => all + (sum - mean) ** 2, 0) / width;
  return deviation >= SCRAMBLED_FROM;
}

/**
 * Descrambles the rows. Yields the number of a key each time it needs one, expects the key (u32) back, and returns the rows;
 * `frame` is left as it was.
 */
export function* descramble(frame: Frame): Generator<number, Uint8Array, number> {
  // Not `slice`: that of a Buffer would share its bytes.
  const out = new Uint8Array(frame.data);
  let keyNumber = frame.keyNumber;
  let key = yield keyNumber;
  let row = 0;
  for (const block of frame.blocks) {
    if (row >= frame.rows) break;
    if (block.flags & BLOCK.changeKey) {
      keyNumber = (keyNumber + 1) & 0xff;
      key = yield keyNumber;
    }
    const from = row * FRAME.width;
    const length = block.rows * FRAME.width;
    const present = !(block.flags & BLOCK.notPresent);
    if (!(block.flags & BLOCK.keepKey)) {
      // Rows that are not there still used up their part of the key stream.
      if (present && block.flags & BLOCK.encrypted) key = decodeRun(frame.data, out, from, length, key);
      else for (let i = 0; i < length; i++) key = nextKey(key);
    }
    if (present) row += block.rows;
  }
  return out;
}

/** Each byte stands one place late, masked with the key stream; the last one is lost. */
function decodeRun(from: Uint8Array, to: Uint8Array, at: number, length: number, start: number): number {
  let key = start;
  const end = Math.min(at + length, to.length);
  for (let i = at; i < end - 1; i++) {
    to[i] = (from[i + 1] ?? 0) ^ keyByte(key);
    key = nextKey(key);
  }
  if (end > at) to[end - 1] = 0;
  return nextKey(key);
}

/** Byte of the key stream: key bits 4, 8, 11, 14, 18, 21, 24, 29 become bits 0 to 7. */
export function keyByte(key: number): number {
  return (
    ((key >>> 4) & 0x01) |
    ((key >>> 7) & 0x02) |
    ((key >>> 9) & 0x04) |
    ((key >>> 11) & 0x08) |
    ((key >>> 14) & 0x10) |
    ((key >>> 16) & 0x20) |
    ((key >>> 18) & 0x40) |
    ((key >>> 22) & 0x80)
  );
}

/** One step of the key: the parity of its tapped bits comes in at the top. */
export function nextKey(key: number): number {
  let bits = key & 0x9248_144d;
  bits ^= bits >>> 16;
  bits ^= bits >>> 8;
  bits ^= bits >>> 4;
  bits ^= bits >>> 2;
  bits ^= bits >>> 1;
  return (((bits & 1) << 31) | (key >>> 1)) >>> 0;
}

/**
 * Puts descrambled rows together to 384 x 290 grey pixels with dark ridges: rows that the sensor left out are repeated, the
 * values are inverted, and a sensor that is mounted upside down is turned by 180 degrees.
 */
export function assemble(frame: Frame, rows: Uint8Array, rotated: boolean): Uint8Array {
  const { width, height } = FRAME;
  const image = new Uint8Array(width * height);
  let from = 0;
  let to = 0;
  for (const block of frame.blocks) {
    if (from >= frame.rows) break;
    image.set(rows.subarray(from * width, (from + block.rows) * width), to * width);
    to += block.rows;
    if (!(block.flags & BLOCK.notPresent)) from += block.rows;
  }
  for (; to < height; to++) image.copyWithin(to * width, (to - 1) * width, to * width);
  for (let i = 0; i < image.length; i++) image[i] = 255 - (image[i] ?? 0);
  return rotated ? image.reverse() : image;
}

/**
 * Whether grey rows are noise. In noise two neighbours differ as much as two pixels that lie far apart; a picture of ridges, about
 * nine pixels apart, changes far less from one pixel to the next, and an empty one hardly varies at all.
 */
export function isNoise(pixels: Uint8Array): boolean {
  let sum = 0;
  let squares = 0;
  let steps = 0;
  let last = pixels[0] ?? 0;
  for (const value of pixels) {
    sum += value;
    squares += value * value;
    steps += (value - last) ** 2;
    last = value;
  }
  const mean = sum / pixels.length;
  const variance = squares / pixels.length - mean * mean;
  // Evenly spread bytes have a variance of 5 461, and steps of twice the variance.
  return variance > 2_500 && steps / pixels.length > 1.4 * variance;
}

/** Walks the blocks as `descramble` and `assemble` do: they must stay inside the data and fill the image. */
function assertBlocksFit(blocks: readonly Block[], rows: number): void {
  let from = 0;
  let to = 0;
  for (const block of blocks) {
    if (from >= rows) break;
    if (from + block.rows > rows) throw new FrameError('blocks', 'a block runs past the last row');
    to += block.rows;
    if (!(block.flags & BLOCK.notPresent)) from += block.rows;
  }
  if (to > FRAME.height) throw new FrameError('blocks', `the blocks make ${to} rows`);
  if (to < FRAME.height - MISSING_ROWS) throw new FrameError('blocks', `the blocks make only ${to} rows`);
}
