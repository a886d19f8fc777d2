import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { type ColourImage, drawFace } from '../people/face.ts';
import { countFaces, decodeColour, sameFace } from './faces.ts';

const seeds = Array.from({ length: 12 }, (_, n) => `faces ${n}`);

function flat(shade: number): ColourImage {
  return { width: 640, height: 800, pixels: new Uint8Array(640 * 800 * 3).fill(shade) };
}

/** Two pictures side by side. */
function beside(left: ColourImage, right: ColourImage): ColourImage {
  const { width, height } = left;
  const pixels = new Uint8Array(width * 2 * height * 3);
  for (let y = 0; y < height; y++) {
    const row = [y * width * 3, (y + 1) * width * 3] as const;
    pixels.set(left.pixels.subarray(...row), row[0] * 2);
    pixels.set(right.pixels.subarray(...row), row[0] + row[1]);
  }
  return { width: width * 2, height, pixels };
}

describe('countFaces', () => {
  it('finds one in every drawn portrait', () => {
    expect(seeds.map((seed) => countFaces(drawFace(seed)))).toEqual(seeds.map(() => 1));
  });

  it('finds two in two, and none where there is none', () => {
    expect(countFaces(beside(drawFace('one'), drawFace('two')))).toBe(2);
    for (const shade of [0, 128, 255]) expect(countFaces(flat(shade))).toBe(0);
  });
});

describe('sameFace', () => {
  it('knows a face in another light, and others from it', () => {
    for (const [n, seed] of seeds.entries()) {
      expect(sameFace(drawFace(seed), drawFace(seed, 1)), seed).toBe(true);
      expect(sameFace(drawFace(seed), drawFace(seeds[(n + 1) % seeds.length] as string)), seed).toBe(false);
    }
  });
});

describe('decodeColour', () => {
  it('reads a PNG, grey ones too, and nothing else', () => {
    const grey = encode({ width: 2, height: 1, data: new Uint8Array([7, 9]), channels: 1, depth: 8 });
    expect([...(decodeColour(grey)?.pixels ?? [])]).toEqual([7, 7, 7, 9, 9, 9]);
    expect(decodeColour(grey.subarray(0, 40))).toBeUndefined();
    expect(decodeColour(Buffer.from('not a picture'))).toBeUndefined();
  });
});
