import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fingerprint, masterHeight, masterWidth } from './fingerprint.ts';
import { drawPattern, type FingerIndex } from './pattern.ts';
import { random } from './random.ts';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

describe('fingerprint', () => {
  it('is decided by the seed, to the byte', () => {
    const finger = fingerprint('snapshot', { pattern: 'whorl' });
    expect(hash(finger.master.pixels)).toMatchInlineSnapshot(`"a52390b70019d2c6"`);
    expect(finger.master).toMatchObject({ width: masterWidth, height: masterHeight, dpiX: 500, dpiY: 500 });
    expect(fingerprint('snapshot', { pattern: 'whorl' })).toBe(finger);
  });

  it('has as much ridge as valley, and pores on its ridges', () => {
    const { master, pores } = fingerprint('snapshot', { pattern: 'whorl' });
    let dark = 0;
    let all = 0;
    for (let y = 100; y < 380; y++) {
      for (let x = 80; x < 360; x++, all++) if ((master.pixels[y * master.width + x] as number) < 128) dark++;
    }
    expect(dark / all).toBeGreaterThan(0.42);
    expect(dark / all).toBeLessThan(0.58);
    expect(pores.length / 2).toBeGreaterThan(600);
    for (let i = 0; i < pores.length; i += 2) {
      const at = Math.round(pores[i + 1] as number) * master.width + Math.round(pores[i] as number);
      expect(master.pixels[at]).toBeLessThan(90);
    }
  });

  it('keeps ridges about nine pixels apart', () => {
    const { master, period } = fingerprint('straight', { pattern: 'arch' });
    // Down the middle of an arch the ridges are crossed at a right angle.
    let crossings = 0;
    for (let y = 60; y < 420; y++) {
      const above = (master.pixels[(y - 1) * master.width + 220] as number) < 128;
      const here = (master.pixels[y * master.width + 220] as number) < 128;
      if (!above && here) crossings++;
    }
    expect(360 / crossings).toBeGreaterThan(period * 0.85);
    expect(360 / crossings).toBeLessThan(period * 1.25);
  });
});

describe('pattern', () => {
  it('is drawn with the proportions of the hands', () => {
    const stream = random('proportions');
    const counts = { arch: 0, 'tented-arch': 0, 'left-loop': 0, 'right-loop': 0, whorl: 0 };
    for (let i = 0; i < 10_000; i++) counts[drawPattern(stream, (i % 10) as FingerIndex)]++;
    expect(counts.whorl / 10_000).toBeCloseTo(0.3, 1);
    expect((counts['left-loop'] + counts['right-loop']) / 10_000).toBeCloseTo(0.64, 1);
    expect((counts.arch + counts['tented-arch']) / 10_000).toBeCloseTo(0.06, 1);
  });

  it('opens loops to the little finger as a rule', () => {
    const stream = random('ulnar');
    const draws = (index: FingerIndex) => Array.from({ length: 500 }, () => drawPattern(stream, index));
    expect(draws(0).filter((pattern) => pattern === 'left-loop').length).toBeGreaterThan(380);
    expect(draws(9).filter((pattern) => pattern === 'right-loop').length).toBeGreaterThan(380);
  });
});
