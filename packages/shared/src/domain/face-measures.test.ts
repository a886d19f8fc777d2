import { describe, expect, it } from 'vitest';
import { adviseFace, type FaceMeasures, measureFace, type Pixels } from './face-measures.ts';

const side = 64;

/** A picture whose luminance is given for each place. */
function drawn(paint: (x: number, y: number) => number, channels: Pixels['channels'] = 1): Pixels {
  const data = new Uint8Array(side * side * channels);
  for (let at = 0; at < data.length; at++) {
    const place = Math.floor(at / channels);
    const isAlpha = channels % 2 === 0 && at % channels === channels - 1;
    data[at] = isAlpha ? 255 : paint(place % side, Math.floor(place / side));
  }
  return { width: side, height: side, channels, data };
}

const stripes = (x: number) => (x % 8 < 4 ? 40 : 200);
const ramp = (x: number) => x * 3;

describe('measures of a face', () => {
  it.each([
    ['black', drawn(() => 0), { brightness: 0, contrast: 0, sharpness: 0 }],
    ['white', drawn(() => 255), { brightness: 1, contrast: 0, sharpness: 0 }],
    [
      'a border that is not the face',
      drawn((x, y) => (x < 16 || x >= 48 || y < 16 || y >= 48 ? 255 : 51)),
      { brightness: 0.2 },
    ],
    ['half black, half white', drawn((x) => (x % 2) * 255), { brightness: 0.5, contrast: 1, sharpness: 1 }],
    ['a soft ramp, which has contrast and no edge', drawn(ramp), { sharpness: 0 }],
  ])('%s', (_what, picture, expected) => {
    for (const [name, value] of Object.entries(expected))
      expect(measureFace(picture)[name as keyof FaceMeasures]).toBeCloseTo(value, 5);
  });

  it('reads grey, RGB and alpha alike', () => {
    const [first, ...others] = ([1, 2, 3, 4] as const).map((channels) => measureFace(drawn(stripes, channels)));
    for (const other of others)
      for (const name of ['brightness', 'contrast', 'sharpness'] as const)
        expect(other[name]).toBeCloseTo(first?.[name] ?? Number.NaN, 4);
  });

  it('gets less sharp as the picture is blurred', () => {
    const blurred = (x: number, reach: number) => {
      let sum = 0;
      for (let n = -reach; n <= reach; n++) sum += stripes(x + n + 64);
      return sum / (2 * reach + 1);
    };
    const [sharp, soft, softer] = [0, 1, 2].map((reach) => measureFace(drawn((x) => blurred(x, reach))).sharpness);
    expect(sharp).toBeGreaterThan(soft as number);
    expect(soft).toBeGreaterThan(softer as number);
  });

  it('takes no pixels that do not fill the picture', () => {
    expect(() => measureFace({ width: 2, height: 2, channels: 3, data: new Uint8Array(4) })).toThrow(RangeError);
  });
});

describe('advice', () => {
  const good: FaceMeasures = { brightness: 0.5, contrast: 0.4, sharpness: 0.1 };
  const hd = { width: 720, height: 1280 };
  it.each([
    ['ok in every respect', hd, good, {}],
    ['smaller than HD', { width: 640, height: 800 }, good, { size: 'low' }],
    ['too dark', hd, { ...good, brightness: 0.1 }, { brightness: 'low' }],
    ['too bright', hd, { ...good, brightness: 0.9 }, { brightness: 'high' }],
    ['flat', hd, { ...good, contrast: 0.05 }, { contrast: 'low' }],
    ['blurred', hd, { ...good, sharpness: 0.01 }, { sharpness: 'low' }],
  ])('%s', (_what, sides, measures, expected) => {
    const ok = { size: 'ok', brightness: 'ok', contrast: 'ok', sharpness: 'ok' };
    expect(adviseFace(sides, measures)).toEqual({ ...ok, ...expected });
  });
});
