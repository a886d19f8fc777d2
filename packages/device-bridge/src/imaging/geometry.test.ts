import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { URU4000_MODELS } from '../drivers/uru4000-protocol.ts';
import { type Calibration, calibrationFor, GeometryError, square, URU4000_CALIBRATION } from './geometry.ts';
import { resample } from './resample.ts';
import { flat, noise, quickest, ridges } from './ridges.fixture.ts';

const raw = (width = 384, height = 290) => ({ ...ridges(width, height, { x: 9, y: 7 }), dpiX: 538, dpiY: 370 });

describe('the geometry of a capture', () => {
  it.each(URU4000_MODELS)('of $name becomes 357 x 392 at 500 dpi', (model) => {
    const { image, resampled } = square(raw(), calibrationFor(model));
    expect(resampled).toBe(true);
    expect(image).toMatchObject({ width: 357, height: 392, dpiX: 500, dpiY: 500 });
    expect(image.pixels).toHaveLength(357 * 392);
  });

  it('stays as the driver reported it where the settings say so, or nothing is known', () => {
    const image = raw();
    const device = { vendorId: 0x05ba, productId: 0x000a };
    for (const calibration of [
      calibrationFor(device, { '05ba:000a': { kind: 'none' } }),
      calibrationFor({ ...device, productId: 1 }),
    ])
      expect(square(image, calibration)).toEqual({ image, resampled: false });
  });

  it('follows the settings of a station', () => {
    const mine: Calibration = {
      kind: 'resample',
      from: { width: 384, height: 290 },
      to: { width: 300, height: 300 },
      dpi: 420,
    };
    const { image } = square(raw(), calibrationFor({ vendorId: 0x05ba, productId: 0x000a }, { '05ba:000a': mine }));
    expect(image).toMatchObject({ width: 300, height: 300, dpiX: 420, dpiY: 420 });
  });

  it('refuses a frame that it is not calibrated for', () => {
    expect(() => square(raw(200, 100), URU4000_CALIBRATION)).toThrow(GeometryError);
  });
});

describe('resampling', () => {
  it('keeps a flat image flat, and an image of its own size as it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        (value, width, height) => {
          expect(new Set(resample(flat(20, 30, value), width, height))).toEqual(new Set([value]));
        },
      ),
    );
    const image = noise(33, 21);
    expect(resample(image, 33, 21)).toEqual(image.pixels);
  });

  it('keeps ridges where they are', () => {
    const wanted = ridges(357, 392, { x: 9, y: Number.POSITIVE_INFINITY });
    // The same ridges as the raw frame shows them: pixel centres of both images at the same place of the finger.
    const pixels = Uint8Array.from({ length: 384 * 290 }, (_, at) => {
      const x = (((at % 384) + 0.5) * 357) / 384 - 0.5;
      return Math.round(127.5 + 100 * Math.sin((2 * Math.PI * x) / 9));
    });
    const got = resample({ width: 384, height: 290, pixels }, 357, 392);
    const worst = got.reduce((most, value, at) => {
      const x = at % 357;
      return x < 4 || x > 352 ? most : Math.max(most, Math.abs(value - (wanted.pixels[at] ?? 0)));
    }, 0);
    expect(worst).toBeLessThanOrEqual(12);
  });

  it('gives the same bytes on every run and machine', () => {
    const pixels = resample(noise(12, 9), 7, 11);
    expect(Buffer.from(pixels).toString('hex')).toMatchInlineSnapshot(
      `"448f458f69645f9c8dbf81771e3a828c8db261705f74b382c058a673b7d1e38c675444ba55848d433136a340c97247c263c495817b9db850aac6669cd5823184ac9389b75e2ab580ad2365473c"`,
    );
  });

  it('is quick enough to stand in the way of a person', () => {
    const image = raw();
    expect(quickest(() => resample(image, 357, 392))).toBeLessThan(50);
  });

  it('refuses pixels that do not fill the image', () => {
    expect(() => resample({ width: 3, height: 3, pixels: new Uint8Array(8) }, 2, 2)).toThrow(RangeError);
  });
});
