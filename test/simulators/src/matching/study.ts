import { fingerprint } from '../people/fingerprint.ts';
import type { GreyImage } from '../people/grey.ts';
import { impression } from '../people/impression.ts';
import type { Pattern } from '../people/pattern.ts';
import { random } from '../people/random.ts';
import {
  exposeSensor,
  sensorHeight,
  sensorWidth,
  uprightPicture,
  windowHeight,
  windowWidth,
} from '../reader/geometry.ts';
import { compare } from './compare.ts';
import { extract, type Template } from './template.ts';

/**
 * How well the matcher tells virtual fingers apart. Also a program:
 * `node test/simulators/src/matching/study.ts 40 3 a-seed` (fingers, impressions, seed; some minutes).
 */
export interface StudyOptions {
  seed: string;
  fingers: number;
  /** Each third one goes through the reader's geometry, as a capture does. */
  impressions: number;
}

export interface StudyResult {
  /** Scores of pairs of impressions of one finger, ascending. */
  genuine: number[];
  /** Scores of pairs of fingers, ascending. All classes are equally frequent, so a fifth of the pairs share theirs. */
  impostor: number[];
  /** Mean milliseconds. */
  extractMs: number;
  compareMs: number;
}

const patterns: readonly Pattern[] = ['left-loop', 'right-loop', 'whorl', 'arch', 'tented-arch'];

export function study({ seed, fingers, impressions }: StudyOptions): StudyResult {
  let extractMs = 0;
  const templates = Array.from({ length: fingers }, (_, finger) => {
    const skin = fingerprint(`study ${seed} ${finger}`, { pattern: patterns[finger % patterns.length] as Pattern });
    const scale = 0.88 + 0.04 * (finger % 4);
    return Array.from({ length: impressions }, (_, n) => {
      const taken = impression(skin, `study ${seed} ${finger} ${n}`, { scale });
      const image = n % 3 === 2 ? throughReader(taken) : taken;
      const start = performance.now();
      const template = extract(image.pixels, image.width, image.height, 500);
      extractMs += (performance.now() - start) / (fingers * impressions);
      return template;
    });
  });
  const genuine = templates.flatMap((own) => own.flatMap((a, n) => own.slice(n + 1).map((b) => [a, b] as const)));
  const impostor = templates.flatMap((own, finger) =>
    templates
      .slice(finger + 1)
      .flatMap((other) => own.map((a, n) => [a, other[(n + finger) % impressions] as Template] as const)),
  );
  const start = performance.now();
  const scores = (pairs: readonly (readonly [Template, Template])[]) =>
    pairs.map(([a, b]) => compare(a, b).score).sort((one, two) => one - two);
  const result = { genuine: scores(genuine), impostor: scores(impostor) };
  return { ...result, extractMs, compareMs: (performance.now() - start) / (genuine.length + impostor.length) };
}

/** What the bridge delivers of an impression: seen by the sensor's cells, resampled to 357 × 392 at 500 dpi. */
export function throughReader(image: GreyImage): GreyImage {
  const cells = exposeSensor(image, false, random('study'));
  const seen = uprightPicture(cells, false);
  const pixels = new Uint8Array(windowWidth * windowHeight);
  for (let y = 0; y < windowHeight; y++) {
    const v = Math.max(0, Math.min(sensorHeight - 1.001, ((y + 0.5) * sensorHeight) / windowHeight - 0.5));
    const top = Math.floor(v);
    for (let x = 0; x < windowWidth; x++) {
      const u = Math.max(0, Math.min(sensorWidth - 1.001, ((x + 0.5) * sensorWidth) / windowWidth - 0.5));
      const left = Math.floor(u);
      const at = (row: number, column: number) => seen[(top + row) * sensorWidth + left + column] as number;
      const upper = at(0, 0) * (1 - (u - left)) + at(0, 1) * (u - left);
      const lower = at(1, 0) * (1 - (u - left)) + at(1, 1) * (u - left);
      pixels[y * windowWidth + x] = Math.round(upper * (1 - (v - top)) + lower * (v - top));
    }
  }
  return { width: windowWidth, height: windowHeight, pixels, dpiX: 500, dpiY: 500 };
}

/** A line of a study: count, least, median, most and the percentiles that matter. */
export function describe(name: string, ascending: readonly number[]): string {
  const at = (share: number) => ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? 0;
  const figures = [0, 0.01, 0.1, 0.5, 0.9, 0.99, 1].map((share) => at(share).toFixed(3)).join(' ');
  return `${name}: ${ascending.length} pairs; min 1% 10% 50% 90% 99% max = ${figures}`;
}

if (import.meta.main) {
  const [fingers = '40', impressions = '3', seed = 'study'] = process.argv.slice(2);
  const result = study({ seed, fingers: Number(fingers), impressions: Number(impressions) });
  process.stdout.write(`${describe('genuine', result.genuine)}\n${describe('impostor', result.impostor)}\n`);
  process.stdout.write(`extract ${result.extractMs.toFixed(1)} ms, compare ${result.compareMs.toFixed(1)} ms\n`);
}
