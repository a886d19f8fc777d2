import { createHash } from 'node:crypto';
import { decode, encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { fingerIndexes } from './pattern.ts';
import { person } from './person.ts';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

describe('virtual person', () => {
  it('has ten different fingers, generated when asked for', () => {
    const somebody = person('ten fingers');
    expect(new Set(fingerIndexes.map((index) => hash(somebody.finger(index).master.pixels))).size).toBe(10);
    expect(somebody.finger(3)).toBe(person('ten fingers').finger(3));
  });

  it('leaves another impression each time, and the same one when asked again', () => {
    const somebody = person('ten fingers');
    expect(somebody.impression(6, 1)).toEqual(somebody.impression(6, 1));
    expect(somebody.impression(6, 1)).not.toEqual(somebody.impression(6, 2));
    expect(somebody.impression(6)).toEqual(somebody.impression(6, 0));
  });

  it('has a smaller little finger than thumb', () => {
    const somebody = person('ten fingers');
    const inked = (index: 5 | 9) =>
      somebody
        .impression(index, 0, { pressure: 0.5, dryness: 0.2 })
        .pixels.reduce((sum, v) => sum + (v < 180 ? 1 : 0), 0);
    expect(inked(9)).toBeLessThan(0.85 * inked(5));
  });

  it('has a face that survives PNG, stays itself in another light, and is not another’s', () => {
    const face = person('a face').face();
    expect(face.width >= 640 && face.height >= 480).toBe(true);
    const png = encode({ width: face.width, height: face.height, data: face.pixels, channels: 3, depth: 8 });
    expect(decode(png)).toMatchObject({ width: face.width, height: face.height, channels: 3, data: face.pixels });
    expect(hash(face.pixels)).toMatchInlineSnapshot(`"031b6151bd0249e7"`);
    expect(person('a face').face(1)).not.toEqual(face);
    expect(person('another').face()).not.toEqual(face);
  });
});
