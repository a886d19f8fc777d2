import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { skipBecause } from '../../../stack/skip.ts';
import { random } from '../people/random.ts';
import { sensorHeight, sensorWidth } from './geometry.ts';
import { assemble } from './host.fixture.ts';
import { buildFrame, keyByte, stepKey } from './scramble.ts';
import { clearTable, drawTable, looksScrambled, recordedTables, table } from './tables.ts';

const picture = (seed: string) => {
  const stream = random(seed);
  return Uint8Array.from({ length: sensorWidth * sensorHeight }, () => stream.integer(0, 255));
};
const options = (blocks: ReturnType<typeof table>) => ({
  blocks,
  keyNumber: 7,
  key: (n: number) => 1000 + n,
  junk: () => 0xa5,
});

describe('keystream', () => {
  it('shows bits 4, 8, 11, 14, 18, 21, 24, 29', () => {
    for (const [place, bit] of [4, 8, 11, 14, 18, 21, 24, 29].entries())
      expect(keyByte((1 << bit) >>> 0)).toBe(1 << place);
    expect(keyByte(0)).toBe(0);
  });

  it('shifts the parity of its taps in at the top', () => {
    expect(stepKey(1)).toBe(0x80000000);
    expect(stepKey(2)).toBe(1);
    // Eleven taps: an odd number.
    expect(stepKey(0x9248144d)).toBe(0xc9240a26);
  });
});

describe('frame', () => {
  it('has 64 + 384 × rows bytes, a multiple of 64, and one row less than the sensor', () => {
    const { bytes } = buildFrame(picture('size'), options(recordedTables['uareu-4500']));
    expect(bytes.length).toBe(111_040);
    expect(bytes.length % 64).toBe(0);
    expect([bytes[4], bytes[5], bytes[6]]).toEqual([289 & 0xff, 289 >> 8, 7]);
    expect([...bytes.subarray(16, 34)]).toEqual([2, 72, 0, 1, 2, 49, 1, 1, 0, 1, 2, 49, 0, 1, 2, 116, 0xa5, 0]);
  });

  it('is read back by a host that follows the description, whatever the table', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const stream = random(seed);
        const key = (number: number) => random(`${seed} ${number}`).integer(1, 0xffffffff);
        const frame = buildFrame(picture(seed), {
          blocks: drawTable(stream),
          keyNumber: stream.integer(0, 255),
          key,
          junk: () => stream.integer(0, 255),
        });
        const asked: number[] = [];
        const cells = assemble(frame.bytes, (number) => {
          asked.push(number);
          return key(number);
        });
        expect(Buffer.compare(cells, frame.cells)).toBe(0);
        expect(asked).toEqual(frame.keyNumbers);
      }),
      { numRuns: 25 },
    );
  });

  it('differs from the sensor only in repeated rows and the last cell of encrypted blocks', () => {
    const sensor = picture('loss');
    const { cells } = buildFrame(sensor, options(recordedTables['uareu-4500']));
    const changed = [...cells.keys()].filter((at) => cells[at] !== sensor[at]);
    const repeatedRow = 72 + 1 + 49;
    expect(
      changed.every((at) => Math.floor(at / sensorWidth) === repeatedRow || at % sensorWidth === sensorWidth - 1),
    ).toBe(true);
    expect(cells.subarray(repeatedRow * sensorWidth, (repeatedRow + 1) * sensorWidth)).toEqual(
      cells.subarray((repeatedRow + 1) * sensorWidth, (repeatedRow + 2) * sensorWidth),
    );
  });

  it('looks scrambled when it is', () => {
    const blank = new Uint8Array(sensorWidth * sensorHeight).fill(17);
    const scrambled = buildFrame(blank, options(recordedTables['microsoft-v2']));
    expect(looksScrambled(scrambled.bytes.subarray(64))).toBe(true);
    const clear = buildFrame(blank, options(clearTable));
    expect(looksScrambled(clear.bytes.subarray(64))).toBe(false);
    expect(clear.keyNumbers).toEqual([]);
    expect(clear.cells).toEqual(blank);
  });

  it.each(['2:289', '2:290', '1:1 2:288', '2:289 1:1', '2:60 1:2 2:228', '2:60 3:1 2:229'])(
    'refuses the table %s',
    (text) => {
      expect(() => buildFrame(picture('x'), options(table(text)))).toThrow(RangeError);
    },
  );
});

const recording = fileURLToPath(new URL('../../../../../shared/data/recordings/uru4000-msv2/', import.meta.url));

describe('a real reader', () => {
  it('scrambled its picture as the virtual one does, to the byte', (context) => {
    if (!existsSync(recording)) skipBecause(context, `no recording at ${recording}`);
    const real = bulkTransfer(readFileSync(`${recording}capture.pcapng`));
    const { data, channels } = decode(readFileSync(`${recording}capture.png`));
    const key = (0x8a634e7b ^ 0x51ea2124) >>> 0;
    const frame = buildFrame(
      Uint8Array.from({ length: data.length / channels }, (_, at) => 255 - (data[at * channels] as number)),
      {
        blocks: recordedTables['microsoft-v2'],
        keyNumber: 5,
        key: () => key,
        junk: () => 0,
      },
    );
    expect(frame.bytes.length).toBe(real.length);
    expect([...frame.bytes.subarray(16, 34)]).toEqual([...real.subarray(16, 34)]);
    // The first byte of an encrypted block means nothing and cannot be known.
    const blockStarts = [0, 67 + 1, 67 + 1 + 49 + 1, 67 + 1 + 49 + 1 + 49 + 1].map((row) => 64 + row * sensorWidth);
    const different = [...real.keys()].filter((at) => at >= 64 && real[at] !== frame.bytes[at]);
    expect(different.filter((at) => !blockStarts.includes(at))).toEqual([]);
  });
});

/** The data of the one large bulk transfer in a usbmon capture (layout: hardware.md section 3). */
function bulkTransfer(file: Buffer): Uint8Array {
  for (let at = 0; at + 12 <= file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) !== 6) continue;
    const packet = file.subarray(at + 28, at + 28 + file.readUInt32LE(at + 20));
    const bulkComplete = packet[8] === 'C'.charCodeAt(0) && packet[9] === 3;
    if (bulkComplete && packet.length > 100_000) return packet.subarray(64, 64 + packet.readUInt32LE(36));
  }
  throw new Error('no bulk transfer in the recording');
}
