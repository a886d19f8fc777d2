import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from './fingerprint.ts';
import type { GreyImage } from './grey.ts';
import { impression, impressionHeight, impressionWidth } from './impression.ts';

const finger = fingerprint('snapshot', { pattern: 'whorl' });
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

function darkShare({ pixels }: GreyImage): number {
  return pixels.reduce((sum, value) => sum + (value < 150 ? 1 : 0), 0) / pixels.length;
}

describe('impression', () => {
  it('is decided by finger, seed and press, to the byte', () => {
    expect(hash(impression(finger, 'one').pixels)).toMatchInlineSnapshot(`"cce3f41b3cc37242"`);
    expect(impression(finger, 'one')).toEqual(impression(finger, 'one'));
    expect(hash(impression(finger, 'two').pixels)).not.toBe(hash(impression(finger, 'one').pixels));
  });

  it('grows and darkens with pressure, pales with dryness', () => {
    const share = (press: Parameters<typeof impression>[2]) => darkShare(impression(finger, 'same', press));
    expect(share({ pressure: 0.8 })).toBeGreaterThan(1.3 * share({ pressure: 0.3 }));
    expect(share({ dryness: 0.7 })).toBeLessThan(share({ dryness: 0.1 }));
  });

  it('lies on a light ground with ridges in the middle, however it is pressed', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.string(), unit, unit, unit, unit, (seed, turn, shift, pressure, dryness) => {
        const image = impression(finger, seed, {
          rotation: 16 * turn - 8,
          shiftX: 40 * shift - 20,
          pressure: 0.2 + 0.7 * pressure,
          dryness: 0.75 * dryness,
        });
        expect(image).toMatchObject({ width: impressionWidth, height: impressionHeight, dpiX: 500 });
        for (const corner of [0, impressionWidth - 1, image.pixels.length - impressionWidth, image.pixels.length - 1]) {
          expect(image.pixels[corner]).toBeGreaterThan(205);
        }
        const share = darkShare(image);
        expect(share).toBeGreaterThan(0.03);
        expect(share).toBeLessThan(0.6);
      }),
      { numRuns: 12 },
    );
  });
});
