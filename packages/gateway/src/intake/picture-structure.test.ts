import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isWholePicture } from './picture-structure.ts';
import { jpegOf, pngOf, webpOf } from './pictures.fixture.ts';

const whole = { png: pngOf(64, 48), jpeg: jpegOf(64, 48), webp: webpOf(64, 48) };
const formats = ['png', 'jpeg', 'webp'] as const;

it.each(formats)('a %s is whole, and nothing that is shorter is', (format) => {
  const bytes = whole[format];
  expect(isWholePicture(bytes, format)).toBe(true);
  for (let end = 30; end < bytes.length; end++) expect(isWholePicture(bytes.subarray(0, end), format)).toBe(false);
});

it('survives any bytes', () => {
  const anywhere = fc.record({
    format: fc.constantFrom(...formats),
    cut: fc.nat(200),
    at: fc.nat(200),
    bytes: fc.uint8Array({ maxLength: 40 }),
  });
  fc.assert(
    fc.property(anywhere, ({ format, cut, at, bytes }) => {
      const picture = Buffer.alloc(Math.max(30, Math.min(cut, 200)));
      whole[format].copy(picture);
      picture.set(bytes.subarray(0, Math.max(0, picture.length - at)), Math.min(at, picture.length));
      expect(typeof isWholePicture(picture, format)).toBe('boolean');
    }),
    { numRuns: 5_000 },
  );
});
