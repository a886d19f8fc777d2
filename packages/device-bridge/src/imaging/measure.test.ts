import { describe, expect, it } from 'vitest';
import { measure } from './measure.ts';
import { flat, noise, quickest, ridges } from './ridges.fixture.ts';

describe('the measures of an image', () => {
  it('of clear ridges are high', () => {
    const { coverage, contrast, orientation } = measure(ridges(357, 392, { x: 9, y: 20 }));
    expect(coverage).toBe(1);
    expect(contrast).toBeGreaterThan(0.5);
    expect(orientation).toBeGreaterThan(0.95);
  });

  it('of noise show no direction', () => {
    const { coverage, orientation } = measure(noise(357, 392));
    expect(coverage).toBe(1);
    expect(orientation).toBeLessThan(0.25);
  });

  it.each([0, 128, 255])('of an empty sensor (%i) are nothing', (value) => {
    expect(measure(flat(357, 392, value))).toEqual({ coverage: 0, contrast: 0, orientation: 0 });
  });

  it('of half a finger cover half', () => {
    const image = ridges(320, 320, { x: 9, y: 20 });
    image.pixels.fill(255, 0, 320 * 160);
    expect(measure(image).coverage).toBeCloseTo(0.5, 1);
  });

  it('of faint ridges have little contrast', () => {
    const image = ridges(160, 160, { x: 9, y: 20 });
    const pixels = image.pixels.map((value) => Math.round(128 + (value - 128) * 0.25));
    const { contrast, orientation } = measure({ ...image, pixels });
    expect(contrast).toBeLessThan(0.2);
    expect(orientation).toBeGreaterThan(0.9);
  });

  it('of an image smaller than an area are nothing, of a broken one an error', () => {
    expect(measure(flat(4, 4, 9)).coverage).toBe(0);
    expect(() => measure({ ...flat(4, 4, 9), width: 5 })).toThrow(RangeError);
  });

  it('cost little beside a capture', () => {
    const image = ridges(357, 392, { x: 9, y: 20 });
    expect(quickest(() => measure(image))).toBeLessThan(15);
  });
});
