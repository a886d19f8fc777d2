import type { GreyImage } from './grey.ts';
import { waves } from './noise.ts';
import { orientationField } from './orientation.ts';
import { drawPattern, type FingerIndex, type Pattern } from './pattern.ts';
import { type Random, random } from './random.ts';
import { growRidges } from './ridges.ts';

/** Size of a master print, pixels at 500 dpi (22 × 24 mm): larger than any reader's window. */
export const masterWidth = 440;
export const masterHeight = 480;

/** The skin of one virtual finger. No real finger was ever looked at to make it. */
export interface Fingerprint {
  pattern: Pattern;
  /** Ridges dark, 500 dpi, ridge height as grey without ink, pressure or noise: 0 highest, 255 deepest. */
  master: GreyImage;
  /** Sweat pores: x, y pairs in the master's pixels. They are the finger's own and return in each impression. */
  pores: Float32Array;
  /** Mean distance from ridge to ridge, pixels. */
  period: number;
}

export interface FingerprintOptions {
  /** Draws the class with the proportions of this finger; 6 (right index) if not given. */
  index?: FingerIndex;
  /** Forces a class. */
  pattern?: Pattern;
}

const cache = new Map<string, Fingerprint>();
/** About 50 MB. Beyond that the oldest is dropped and would be generated again, equal to the byte. */
const cacheLimit = 200;

/** The finger of a seed. The first call takes some 300 ms, later calls nothing while it is cached. */
export function fingerprint(seed: string, options: FingerprintOptions = {}): Fingerprint {
  const key = `${seed}|${options.index ?? 6}|${options.pattern ?? ''}`;
  const known = cache.get(key);
  if (known) return known;
  const made = generate(seed, options);
  cache.set(key, made);
  if (cache.size > cacheLimit) cache.delete(cache.keys().next().value as string);
  return made;
}

function generate(seed: string, options: FingerprintOptions): Fingerprint {
  const stream = random(`fingerprint ${seed}`);
  const drawn = drawPattern(stream, options.index ?? 6);
  const pattern = options.pattern ?? drawn;
  const width = masterWidth;
  const height = masterHeight;
  const centreX = width / 2;
  const centreY = height * 0.45;
  const directionAt = orientationField(stream, pattern, centreX, centreY);
  const mean = stream.between(8.5, 9.5);
  const swing = waves(stream, 4, 140, 320);
  const direction = new Float32Array(width * height);
  const period = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    // Ridges are wider below the core, towards the joint.
    const lower = 0.1 / (1 + Math.exp(-(y - centreY - 60) / 40)) - 0.03;
    for (let x = 0; x < width; x++) {
      direction[y * width + x] = directionAt(x, y);
      period[y * width + x] = mean * (1 + lower + 0.1 * swing(x, y));
    }
  }
  const ridges = growRidges({ width, height, direction, period }, `ridges ${seed}`);
  return {
    pattern,
    master: { width, height, pixels: toGrey(ridges), dpiX: 500, dpiY: 500 },
    pores: placePores(stream, ridges, width, height),
    period: mean,
  };
}

function toGrey(ridges: Float32Array): Uint8Array {
  return Uint8Array.from(ridges, (value) => Math.round(127.5 - 127.5 * value));
}

/** A pore on the ridge's crest about every ridge width, as sweat glands lie. */
function placePores(stream: Random, ridges: Float32Array, width: number, height: number): Float32Array {
  const cell = 10;
  const found: number[] = [];
  for (let top = 2; top + cell < height; top += cell) {
    for (let left = 2; left + cell < width; left += cell) {
      const x0 = left + stream.integer(0, 4);
      const y0 = top + stream.integer(0, 4);
      let best = 0.75;
      let at = -1;
      for (let y = y0; y < y0 + 6; y++) {
        for (let x = x0; x < x0 + 6; x++) {
          const crest = crestAt(ridges, y * width + x, width);
          if (crest > best) {
            best = crest;
            at = y * width + x;
          }
        }
      }
      if (at >= 0)
        found.push((at % width) + stream.between(-0.4, 0.4), Math.floor(at / width) + stream.between(-0.4, 0.4));
    }
  }
  return Float32Array.from(found);
}

function crestAt(ridges: Float32Array, at: number, width: number): number {
  const v = (offset: number) => ridges[at + offset] ?? 0;
  return (v(0) + v(-1) + v(1) + v(-width) + v(width) + v(-2) + v(2) + v(-2 * width) + v(2 * width)) / 9;
}
