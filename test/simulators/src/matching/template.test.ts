import { describe, expect, it } from 'vitest';
import { person } from '../people/person.ts';
import { boxMean, field, resize } from './field.ts';
import { extract } from './template.ts';

/** Dark and light stripes, `period` pixels apart, running in the direction `angle`. */
function stripes(size: number, period: number, angle: number): Uint8Array {
  return Uint8Array.from({ length: size * size }, (_, at) => {
    const across = Math.floor(at / size) * Math.cos(angle) - (at % size) * Math.sin(angle);
    return Math.round(128 + 100 * Math.cos((2 * Math.PI * across) / period));
  });
}

describe('extract', () => {
  it.each([0, 30, 75, 120, 165])('sees the direction of ridges at %i°', (degrees) => {
    const angle = (degrees * Math.PI) / 180;
    const { cos2, sin2, width, mask } = extract(stripes(300, 9, angle), 300, 300);
    const middle = 75 * width + 75;
    expect(mask[middle]).toBe(1);
    expect(cos2[middle]).toBeCloseTo(Math.cos(2 * angle), 1);
    expect(sin2[middle]).toBeCloseTo(Math.sin(2 * angle), 1);
  });

  it('takes a print for a print, clear and at its place', () => {
    const { coverage, clarity, mask, width, height } = extract(person('template').impression(6).pixels, 400, 440);
    expect([width, height]).toEqual([200, 220]);
    expect(coverage).toBeGreaterThan(0.35);
    expect(coverage).toBeLessThan(0.85);
    expect(clarity).toBeGreaterThan(0.85);
    expect([mask[0], mask[110 * 200 + 100]]).toEqual([0, 1]);
  });

  it('scales by the resolution, also where axes differ', () => {
    expect(extract(new Uint8Array(256 * 180), 256, 180, 385)).toMatchObject({ width: 166, height: 117 });
    expect(extract(new Uint8Array(384 * 290), 384, 290, { x: 541, y: 370 })).toMatchObject({ width: 177, height: 196 });
  });

  it.each([
    [10, 400, 440, 500],
    [0, 0, 0, 500],
    [400, 20, 20, 500],
    [90_000, 300, 300, 0],
    [90_000, 300, 300, Number.NaN],
    [4_000_000, 2000, 2000, 500],
  ])('refuses %i bytes as %i × %i at %d dpi', (length, width, height, dpi) => {
    expect(() => extract(new Uint8Array(length), width, height, dpi)).toThrow(RangeError);
  });
});

describe('field', () => {
  it('averages over a box, cut at the border', () => {
    const mean = boxMean(field(3, 3, Float32Array.from([9, 0, 0, 0, 0, 0, 0, 0, 9])), 1).values;
    expect([...mean]).toEqual([2.25, 1.5, 0, 1.5, 2, 1.5, 0, 1.5, 2.25].map((v) => expect.closeTo(v)));
  });

  it('resizes by area and keeps the mean', () => {
    const grey = Uint8Array.from({ length: 12 * 10 }, (_, i) => (i * 37) % 251);
    const mean = (values: ArrayLike<number>) =>
      Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
    for (const [w, h] of [
      [6, 5],
      [4, 2],
      [7, 3],
    ] as const)
      expect(mean(resize(grey, 12, 10, w, h).values)).toBeCloseTo(mean(grey), 3);
    expect([...resize(grey, 12, 10, 12, 10).values]).toEqual([...grey]);
  });
});
