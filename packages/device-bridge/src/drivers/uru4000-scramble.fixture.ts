/**
 * The sensor's side of the frame format, written from the protocol's description and apart from the driver's code: bits in an
 * array instead of shifted words, and the forward direction only.
 */

export interface PlainBlock {
  flags: number;
  rows: number;
}

const WIDTH = 384;
const HEIGHT = 290;
const STREAM_BITS = [4, 8, 11, 14, 18, 21, 24, 29];
const TAPS = [...(0x9248144d).toString(2).padStart(32, '0')].reverse().map((bit) => bit === '1');

class KeyStream {
  #bits: boolean[];
  constructor(key: number) {
    this.#bits = [...(key >>> 0).toString(2).padStart(32, '0')].reverse().map((bit) => bit === '1');
  }
  byte(): number {
    return STREAM_BITS.reduce((value, bit, place) => value + (this.#bits[bit] ? 2 ** place : 0), 0);
  }
  step(): void {
    const odd = this.#bits.filter((bit, place) => bit && TAPS[place]).length % 2 === 1;
    this.#bits = [...this.#bits.slice(1), odd];
  }
}

/** Scrambles rows as the sensor does. The last byte of each encrypted run cannot be carried and comes back as 0. */
export function scramble(
  rows: Uint8Array,
  blocks: readonly PlainBlock[],
  keyNumber: number,
  keyOf: (n: number) => number,
) {
  const out = Uint8Array.from(rows);
  let number = keyNumber;
  let stream = new KeyStream(keyOf(number));
  let at = 0;
  for (const { flags, rows: count } of blocks) {
    if (flags & 0x80) {
      number = (number + 1) % 256;
      stream = new KeyStream(keyOf(number));
    }
    const length = count * WIDTH;
    const missing = (flags & 1) === 1;
    if (!(flags & 4)) {
      for (let i = 0; i < length; i++) {
        if (flags & 2 && !missing) {
          if (i === 0) out[at] = 0x5a;
          if (i < length - 1) out[at + i + 1] = (rows[at + i] ?? 0) ^ stream.byte();
        }
        stream.step();
      }
    }
    if (!missing) at += length;
  }
  return out;
}

/** A frame as it comes from the bus. */
export function frameBytes(rows: Uint8Array, blocks: readonly PlainBlock[], keyNumber: number): Uint8Array {
  const bytes = new Uint8Array(64 + rows.length).fill(0xee, 0, 64);
  const view = new DataView(bytes.buffer);
  view.setUint16(4, rows.length / WIDTH, true);
  bytes[6] = keyNumber;
  bytes.set(
    blocks.flatMap(({ flags, rows: count }) => [flags, count]),
    16,
  );
  if (blocks.length < 15) bytes[16 + blocks.length * 2 + 1] = 0;
  bytes.set(rows, 64);
  return bytes;
}

/** Ridges, smooth and deterministic, as the sensor sees them: light on dark. */
export function ridgeRows(rows: number): Uint8Array {
  return Uint8Array.from({ length: rows * WIDTH }, (_, at) => {
    const [x, y] = [at % WIDTH, Math.floor(at / WIDTH)];
    const edge = y < 8 ? 0.1 : 1;
    return Math.round(60 + edge * 50 * (1 + Math.sin((x + 0.6 * y + 12 * Math.sin(y / 40)) / 1.5)));
  });
}

/** The picture that a driver should make of plain rows, from the description alone. */
export function expectedPicture(rows: Uint8Array, blocks: readonly PlainBlock[], rotated: boolean): Uint8Array {
  const lines: Uint8Array[] = [];
  let at = 0;
  for (const { flags, rows: count } of blocks) {
    for (let i = 0; i < count; i++) lines.push(rows.subarray((at + i) * WIDTH, (at + i + 1) * WIDTH));
    if (!(flags & 1)) at += count;
  }
  const picture = lines.slice(0, HEIGHT).flatMap((line) => [...line].map((value) => 255 - value));
  return Uint8Array.from(rotated ? picture.reverse() : picture);
}

/** Zeroes what the scrambling loses, so that a round trip is exact. */
export function withoutLostBytes(rows: Uint8Array, blocks: readonly PlainBlock[]): Uint8Array {
  const out = Uint8Array.from(rows);
  let at = 0;
  for (const { flags, rows: count } of blocks) {
    if (flags & 1) continue;
    at += count * WIDTH;
    if ((flags & 6) === 2) out[at - 1] = 0;
  }
  return out;
}
