import { describe, expect, it } from 'vitest';
import { fingerprint } from '../people/fingerprint.ts';
import { impression } from '../people/impression.ts';
import { person } from '../people/person.ts';
import { random } from '../people/random.ts';
import { exposeSensor, sensorHeight, sensorWidth, uprightPicture } from '../reader/geometry.ts';
import { compare, matches, threshold } from './compare.ts';
import { describe as figures, study } from './study.ts';
import { extract } from './template.ts';

describe('compare', () => {
  // A larger population: node test/simulators/src/matching/study.ts 40 3
  it('keeps the impressions of one finger and of two apart, with a gap around the threshold', () => {
    const { genuine, impostor, extractMs, compareMs } = study({ seed: 'test', fingers: 10, impressions: 3 });
    const least = genuine[0] as number;
    const most = impostor.at(-1) as number;
    process.stdout.write(`${figures('genuine', genuine)}\n${figures('impostor', impostor)}\n`);
    process.stdout.write(
      `gap ${(least - most).toFixed(3)}; extract ${extractMs.toFixed(1)} ms, compare ${compareMs.toFixed(1)} ms\n`,
    );
    expect(genuine).toHaveLength(30);
    expect(impostor).toHaveLength(135);
    expect(least).toBeGreaterThan(threshold + 0.08);
    expect(most).toBeLessThan(threshold - 0.08);
    expect(least - most).toBeGreaterThan(0.2);
  });

  it('finds the rotation, and scores a print with itself near 1', () => {
    const finger = fingerprint('turned', { pattern: 'right-loop' });
    const take = (rotation: number) => extract(impression(finger, 'same', { rotation, stretch: 0 }).pixels, 400, 440);
    expect(compare(take(0), take(0)).score).toBeGreaterThan(0.95);
    expect(compare(take(-6), take(6)).rotation).toBeCloseTo(12, -0.5);
  });

  it('recognises a finger under the worst conditions', () => {
    const finger = fingerprint('worst', { pattern: 'left-loop' });
    const enrolled = extract(impression(finger, 'enrol').pixels, 400, 440);
    for (const press of [
      { dryness: 0.75, pressure: 0.25 },
      { dryness: 0, pressure: 0.9 },
      { rotation: 8, shiftX: 20, shiftY: -20, stretch: 3 },
      { rotation: -8, shiftX: -20, shiftY: 20, stretch: 3 },
    ]) {
      expect(matches(enrolled, extract(impression(finger, 'again', press).pixels, 400, 440))).toBe(true);
    }
  });

  it('tells the ten fingers of a person apart', () => {
    const somebody = person('two fingers');
    const of = (index: 3 | 6, n: number) => extract(somebody.impression(index, n).pixels, 400, 440);
    expect(matches(of(3, 0), of(3, 1))).toBe(true);
    expect(matches(of(3, 0), of(6, 0))).toBe(false);
  });

  it('compares raw frames with raw frames, whatever resolution they claim, and with prints if the claim is true', () => {
    const somebody = person('raw');
    const raw = (n: number) => uprightPicture(exposeSensor(somebody.impression(6, n), false, random('raw')), false);
    const claimed = (n: number) => extract(raw(n), sensorWidth, sensorHeight, 500);
    expect(matches(claimed(0), claimed(1))).toBe(true);
    const real = extract(raw(0), sensorWidth, sensorHeight, { x: (500 * 384) / 357, y: (500 * 290) / 392 });
    expect(matches(real, extract(somebody.impression(6, 2).pixels, 400, 440))).toBe(true);
  });

  it('gives nothing for pictures without ridges', () => {
    const blank = extract(new Uint8Array(357 * 392).fill(230), 357, 392);
    const print = extract(person('raw').impression(6, 0).pixels, 400, 440);
    expect(blank.coverage).toBe(0);
    expect(compare(blank, print).score).toBe(0);
    expect(compare(print, blank).score).toBe(0);
    const stream = random('noise');
    const noise = extract(
      Uint8Array.from({ length: 357 * 392 }, () => stream.integer(0, 255)),
      357,
      392,
    );
    expect(matches(noise, print) || matches(print, noise)).toBe(false);
  });
});
