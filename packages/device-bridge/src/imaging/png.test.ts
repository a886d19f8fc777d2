import fc from 'fast-check';
import { decode, ResolutionUnitSpecifier } from 'fast-png';
import { describe, expect, it } from 'vitest';
import type { GreyImage } from '../drivers/driver.ts';
import { encodePng } from './png.ts';
import { flat, noise, ridges } from './ridges.fixture.ts';

describe('a grey PNG', () => {
  it('holds every pixel', () => {
    const images = fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.boolean())
      .map(([width, height, smooth]) => (smooth ? ridges(width, height, { x: 9, y: 5 }) : noise(width, height)));
    fc.assert(
      fc.property(images, (image) => {
        const { width, height, channels, depth, data } = decode(encodePng(image), { checkCrc: true });
        expect([width, height, channels, depth]).toEqual([image.width, image.height, 1, 8]);
        expect(Buffer.compare(data as Uint8Array, image.pixels)).toBe(0);
      }),
    );
  });

  it('tells its resolution: 500 dpi are 19 685 pixels a metre', () => {
    const resolutionOf = (image: GreyImage) => decode(encodePng(image)).resolution;
    expect(resolutionOf(flat(3, 2, 9))).toEqual({ x: 19_685, y: 19_685, unit: ResolutionUnitSpecifier.METRE });
    const raw = { ...flat(3, 2, 9), dpiX: (384 * 500) / 357, dpiY: (290 * 500) / 392 };
    expect(resolutionOf(raw)).toMatchObject({ x: 21_174, y: 14_563 });
  });

  it('has sound checksums and nothing but the needed chunks', () => {
    const bytes = Buffer.from(encodePng(flat(1, 1, 0)));
    expect(bytes.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
    // An empty IEND is the same in every PNG, checksum included.
    expect(bytes.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082');
    expect(bytes.toString('latin1').match(/IHDR|pHYs|IDAT|IEND|[a-zA-Z]{2}Xt/g)).toEqual([
      'IHDR',
      'pHYs',
      'IDAT',
      'IEND',
    ]);
  });

  it('is not made of pixels that do not fill it', () => {
    expect(() => encodePng({ ...flat(4, 4, 0), width: 5 })).toThrow(RangeError);
    expect(() => encodePng(flat(0, 0, 0))).toThrow(RangeError);
  });
});
