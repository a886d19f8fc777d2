import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assemble,
  descramble,
  type Frame,
  FrameError,
  isNoise,
  isScrambled,
  keyByte,
  nextKey,
  parseFrame,
} from './uru4000-frame.ts';
import {
  expectedPicture,
  frameBytes,
  type PlainBlock,
  ridgeRows,
  scramble,
  withoutLostBytes,
} from './uru4000-scramble.fixture.ts';

/** Blocks of the recorded Microsoft reader. */
const RECORDED: PlainBlock[] = [
  { flags: 2, rows: 67 },
  { flags: 0, rows: 1 },
  { flags: 2, rows: 49 },
  { flags: 1, rows: 1 },
  { flags: 0, rows: 1 },
  { flags: 2, rows: 49 },
  { flags: 0, rows: 1 },
  { flags: 2, rows: 121 },
];

const keyOf = (number: number): number => Math.imul(number + 1, 0x9e3779b1) >>> 0;

/** Runs the driver's descrambling with keys from a table; also says which keys it asked for. */
function solve(frame: Frame): { rows: Uint8Array; asked: number[] } {
  const asked: number[] = [];
  const steps = descramble(frame);
  let step = steps.next();
  while (!step.done) {
    asked.push(step.value);
    step = steps.next(keyOf(step.value));
  }
  return { rows: step.value, asked };
}

/** Block lists that a sensor could send: 289 rows in the data, one of them repeated. */
const blockLists = fc
  .record({
    cuts: fc.uniqueArray(fc.integer({ min: 1, max: 254 }), { minLength: 2, maxLength: 10 }),
    flags: fc.array(fc.constantFrom(0x00, 0x02, 0x04, 0x06, 0x82, 0x80), { minLength: 13, maxLength: 13 }),
    repeatAt: fc.nat(),
  })
  .map(({ cuts, flags, repeatAt }) => {
    const edges = [0, ...cuts.sort((a, b) => a - b), 255, 289];
    const blocks: PlainBlock[] = edges
      .slice(1)
      .map((edge, at) => ({ flags: flags[at] ?? 0, rows: edge - (edges[at] ?? 0) }));
    blocks.splice(1 + (repeatAt % (blocks.length - 1)), 0, { flags: 0x01, rows: 1 });
    return blocks;
  });

describe('a frame', () => {
  it('is read as its header says', () => {
    const frame = parseFrame(frameBytes(ridgeRows(289), RECORDED, 5));
    expect(frame).toMatchObject({ keyNumber: 5, rows: 289, blocks: RECORDED });
    expect(frame.data).toHaveLength(289 * 384);
  });

  it.each([
    ['nothing', new Uint8Array(0), 'short'],
    ['less than a header', new Uint8Array(63), 'short'],
    ['a row less than announced', frameBytes(ridgeRows(289), RECORDED, 5).subarray(0, -1), 'short'],
    ['290 rows', frameBytes(ridgeRows(290), RECORDED, 5), 'rows'],
    ['no rows', frameBytes(new Uint8Array(0), RECORDED, 5), 'rows'],
    ['no blocks', frameBytes(ridgeRows(289), [], 5), 'blocks'],
    ['too few rows in the blocks', frameBytes(ridgeRows(289), [{ flags: 2, rows: 200 }], 5), 'blocks'],
    [
      'a block past the end',
      frameBytes(ridgeRows(289), [...RECORDED.slice(0, -1), { flags: 2, rows: 122 }], 5),
      'blocks',
    ],
    ['more than the image', frameBytes(ridgeRows(289), [{ flags: 1, rows: 60 }, ...RECORDED], 5), 'blocks'],
  ])('with %s is refused', (_, bytes, kind) => {
    expect(() => parseFrame(bytes)).toThrow(expect.objectContaining({ name: 'FrameError', kind }));
  });

  it('is told from a scrambled one by its first two rows', () => {
    const rows = ridgeRows(289);
    const frame = (data: Uint8Array) => parseFrame(frameBytes(data, RECORDED, 0));
    expect(isScrambled(frame(rows))).toBe(false);
    expect(isScrambled(frame(scramble(rows, RECORDED, 0, keyOf)))).toBe(true);
  });

  it('is noise with a wrong key and a picture with the right one', () => {
    const rows = ridgeRows(289);
    const scrambled = scramble(rows, RECORDED, 0, keyOf);
    expect([isNoise(scrambled), isNoise(rows), isNoise(new Uint8Array(1_000).fill(7))]).toEqual([true, false, false]);
  });

  it('is descrambled and assembled to the picture that went in', () => {
    fc.assert(
      fc.property(blockLists, fc.integer({ min: 0, max: 255 }), fc.boolean(), (blocks, keyNumber, rotated) => {
        const rows = withoutLostBytes(ridgeRows(289), blocks);
        // A Buffer, whose `slice` shares its bytes.
        const frame = parseFrame(Buffer.from(frameBytes(scramble(rows, blocks, keyNumber, keyOf), blocks, keyNumber)));
        const before = new Uint8Array(frame.data);
        const solved = solve(frame);
        expect(Buffer.compare(solved.rows, rows)).toBe(0);
        expect(Buffer.compare(frame.data, before)).toBe(0);
        const changes = blocks.filter(({ flags }) => flags & 0x80).length;
        expect(solved.asked).toEqual(Array.from({ length: changes + 1 }, (_, n) => (keyNumber + n) % 256));
        const picture = expectedPicture(rows, blocks, rotated);
        expect(Buffer.compare(assemble(frame, solved.rows, rotated), picture)).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  it('repeats the last row where a few are missing', () => {
    const blocks = [
      { flags: 0, rows: 250 },
      { flags: 0, rows: 39 },
    ];
    const frame = parseFrame(frameBytes(ridgeRows(289), blocks, 0));
    const image = assemble(frame, frame.data, false);
    expect(image.subarray(289 * 384)).toEqual(image.subarray(288 * 384, 289 * 384));
  });

  it('of 10 000 random and mutated ones never does more than a typed error', () => {
    const good = frameBytes(scramble(ridgeRows(289), RECORDED, 3, keyOf), RECORDED, 3);
    const mutated = fc
      .array(fc.tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 12,
      })
      .map((edits) => {
        const bytes = good.slice();
        for (const [at, value] of edits) bytes[at] = value;
        return bytes;
      });
    const cut = fc.integer({ min: 0, max: good.length }).map((length) => good.subarray(0, length));
    const random = fc.uint8Array({ maxLength: 2_000 });
    // A header of random bytes in front of real rows, with a plausible row count.
    const header = fc
      .tuple(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.integer({ min: 270, max: 295 }))
      .map(([head, rows]) => {
        const bytes = good.slice();
        bytes.set(head);
        bytes.set([rows & 0xff, rows >> 8], 4);
        return bytes;
      });
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(mutated, cut, random, header), (bytes) => {
        let frame: Frame;
        try {
          frame = parseFrame(bytes);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
          return;
        }
        accepted += 1;
        if (frame.blocks.length > 15 || frame.data.length !== frame.rows * 384) throw new Error('not what it says');
        // The rest costs some milliseconds each, so only a part goes all the way.
        if (accepted % 50 !== 1) return;
        isScrambled(frame);
        const { rows, asked } = solve(frame);
        if (asked.length > 16 || rows.length !== frame.data.length) throw new Error('out of bounds');
        if (assemble(frame, rows, true).length !== 384 * 290) throw new Error('wrong size');
      }),
      { numRuns: 10_000, endOnFailure: true },
    );
    expect(accepted).toBeGreaterThan(50);
  }, 20_000);
});

describe('the key', () => {
  it('steps and gives bytes as described', () => {
    // One bit at each tap in turn: every tap alone makes odd parity.
    for (const bit of [0, 2, 3, 6, 10, 12, 19, 22, 25, 28, 31]) expect(nextKey(2 ** bit) >>> 31).toBe(1);
    for (const bit of [1, 4, 5, 7, 30]) expect(nextKey(2 ** bit) >>> 31).toBe(0);
    expect([4, 8, 11, 14, 18, 21, 24, 29].map((bit) => keyByte(2 ** bit))).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
    expect(keyByte(0xffffffff)).toBe(255);
  });
});
