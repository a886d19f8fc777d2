/**
 * The reader's side of the scrambling, written from the description of the protocol (hardware.md 2.3) and from nothing
 * else: the driver's descrambler is somebody else's work, and the two have to meet on the wire.
 */

import { sensorHeight, sensorWidth } from './geometry.ts';

/** Flags of a block of rows. */
export const block = {
  /** The row is not in the data: the host repeats the next row that is. */
  absent: 0x01,
  /** The rows are encrypted. */
  encrypted: 0x02,
  /** The key does not advance over these rows. */
  keyRests: 0x04,
  /** From this block on the next key number's key is used. */
  nextKey: 0x80,
} as const;

export interface Block {
  flags: number;
  rows: number;
}

/** A frame ready for the bulk endpoint, and what only the device knows about it. */
export interface Frame {
  /** Header and rows: 64 + 384 × rows bytes. */
  bytes: Uint8Array;
  /** The key numbers for which the host has to ask, in the order of the rows. Empty for a frame in clear. */
  keyNumbers: number[];
  /** The sensor's cells as the host must have them after descrambling and assembling: 384 × 290. */
  cells: Uint8Array;
}

export interface FrameOptions {
  blocks: readonly Block[];
  keyNumber: number;
  /** Key of a number, 32 bits, never 0. */
  key: (number: number) => number;
  /** Source for bytes that carry no meaning: unknown header fields, the first byte of an encrypted block. */
  junk: () => number;
}

const headerLength = 64;
const tableStart = 16;
const tableEntries = 15;
const taps = 0x9248144d;
const outputBits = [4, 8, 11, 14, 18, 21, 24, 29] as const;

/** One step of the shift register: the parity of the tapped bits comes in at the top. */
export function stepKey(key: number): number {
  let parity = key & taps;
  for (let shift = 16; shift > 0; shift >>= 1) parity ^= parity >>> shift;
  return ((parity << 31) | (key >>> 1)) >>> 0;
}

/** The byte that the register shows: eight of its bits, the first becomes bit 0. */
export function keyByte(key: number): number {
  let byte = 0;
  for (const [place, bit] of outputBits.entries()) byte |= ((key >>> bit) & 1) << place;
  return byte;
}

/** Cuts the sensor's 290 rows into the blocks, leaves out the absent rows, encrypts, and puts the header in front. */
export function buildFrame(sensor: Uint8Array, options: FrameOptions): Frame {
  const { blocks, junk } = options;
  checkTable(blocks);
  const sent = blocks.reduce((sum, { flags, rows }) => sum + (flags & block.absent ? 0 : rows), 0);
  const bytes = new Uint8Array(headerLength + sent * sensorWidth);
  const cells = sensor.slice();
  writeHeader(bytes, options, sent);

  let number = options.keyNumber;
  let key = options.key(number);
  const keyNumbers = [number];
  let from = 0;
  let to = headerLength;
  for (const { flags, rows } of blocks) {
    const length = rows * sensorWidth;
    if (flags & block.nextKey) {
      number = (number + 1) & 0xff;
      key = options.key(number);
      keyNumbers.push(number);
    }
    const plain = cells.subarray(from, from + length);
    if ((flags & (block.encrypted | block.keyRests)) === block.encrypted) {
      // Each byte travels one place late; the last one of the block is lost, the first means nothing.
      bytes[to] = junk();
      for (let i = 0; i < length - 1; i++) {
        bytes[to + 1 + i] = (plain[i] as number) ^ keyByte(key);
        key = stepKey(key);
      }
      key = stepKey(key);
      plain[length - 1] = 0;
    } else {
      if (!(flags & block.absent)) bytes.set(plain, to);
      // The key runs on over rows in clear, and over absent ones as well.
      if (!(flags & block.keyRests)) for (let i = 0; i < length; i++) key = stepKey(key);
    }
    from += length;
    if (!(flags & block.absent)) to += length;
  }
  repeatAbsent(cells, blocks);
  return { bytes, keyNumbers: blocks.some(({ flags }) => flags & block.encrypted) ? keyNumbers : [], cells };
}

/** Puts into each absent row what the host will show there: the next row that is present. From the bottom up. */
function repeatAbsent(cells: Uint8Array, blocks: readonly Block[]): void {
  let row = sensorHeight;
  for (const { flags, rows } of blocks.toReversed()) {
    row -= rows;
    const next = (row + rows) * sensorWidth;
    if (flags & block.absent) cells.copyWithin(row * sensorWidth, next, next + sensorWidth);
  }
}

function writeHeader(bytes: Uint8Array, { blocks, keyNumber, junk }: FrameOptions, sent: number): void {
  for (let i = 0; i < headerLength; i++) bytes[i] = junk();
  new DataView(bytes.buffer).setUint16(4, sent, true);
  bytes[6] = keyNumber;
  blocks.forEach(({ flags, rows }, place) => {
    bytes[tableStart + 2 * place] = flags;
    bytes[tableStart + 2 * place + 1] = rows;
  });
  // A pair without rows ends the list; what follows is left as it is, since real readers leave garbage there too.
  if (blocks.length < tableEntries) bytes[tableStart + 2 * blocks.length + 1] = 0;
}

function checkTable(blocks: readonly Block[]): void {
  const rows = blocks.reduce((sum, { rows }) => sum + rows, 0);
  const last = blocks.at(-1);
  if (rows !== sensorHeight) throw new RangeError(`A block table covers ${sensorHeight} rows, this one ${rows}.`);
  if (blocks.length > tableEntries || blocks.some(({ rows }) => rows < 1 || rows > 255)) {
    throw new RangeError('A block table holds 15 blocks of 1 to 255 rows.');
  }
  if (!blocks.some(({ flags }) => flags & block.absent)) throw new RangeError('At least one row must be absent.');
  if (!last || last.flags & block.absent) throw new RangeError('The last row must be present.');
  if (blocks.some(({ flags, rows }) => flags & block.absent && (rows > 1 || flags & block.encrypted))) {
    throw new RangeError('Absent rows come singly and in clear.');
  }
}
