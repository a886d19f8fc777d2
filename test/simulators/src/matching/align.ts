import { correlate, cutPatch, type Patch } from './patch.ts';
import type { Template } from './template.ts';

/** A guess how two prints lie over each other: (ax, ay) of the one lies on (bx, by) of the other, turned by `angle`. */
export interface Alignment {
  ax: number;
  ay: number;
  bx: number;
  by: number;
  angle: number;
  /** Correlation of the surroundings, -1..1. */
  correlation: number;
}

const seedRadius = 14;
const seedCount = 5;
const degrees = Math.PI / 180;
/** Turning that is searched: two impressions of ±8° each, and a reserve. */
const angles = [-17.5, -12.5, -7.5, -2.5, 2.5, 7.5, 12.5, 17.5].map((angle) => angle * degrees);
/** Shift that is searched, pixels at 250 dpi (±5 mm). */
const reach = 52;

/** A telling place of a print. */
export interface Seed {
  x: number;
  y: number;
  worth: number;
}

/** Places well inside the print whose surroundings are least like plain stripes, away from each other. */
export function findSeeds(print: Template): Seed[] {
  const all: Seed[] = [];
  for (let y = seedRadius + 2; y < print.height - seedRadius - 2; y += 4) {
    for (let x = seedRadius + 2; x < print.width - seedRadius - 2; x += 4) {
      const worth = seedWorth(print, x, y);
      if (worth > 0) all.push({ x, y, worth });
    }
  }
  all.sort((one, other) => other.worth - one.worth);
  const chosen: Seed[] = [];
  for (const seed of all) {
    if (chosen.length === seedCount) break;
    if (chosen.every(({ x, y }) => Math.hypot(x - seed.x, y - seed.y) > 22)) chosen.push(seed);
  }
  return chosen;
}

/** Spread of the ridge directions on a ring around the place, less for places near the print's border; 0 if there are none. */
function seedWorth({ width, height, mask, cos2, sin2 }: Template, x: number, y: number): number {
  let cos = 0;
  let sin = 0;
  let length = 0;
  for (let v = -seedRadius; v <= seedRadius; v += 7) {
    for (let u = -seedRadius; u <= seedRadius; u += 7) {
      const at = (y + v) * width + x + u;
      if (!mask[at]) return 0;
      cos += cos2[at] as number;
      sin += sin2[at] as number;
      length += Math.hypot(cos2[at] as number, sin2[at] as number);
    }
  }
  const spread = 1 - Math.hypot(cos, sin) / (length + 1e-6);
  const central = 1 - Math.hypot(x / width - 0.5, y / height - 0.5);
  return (0.15 + Math.min(0.6, spread)) * central;
}

/** Up to two guesses where the place lies in `b`, the better one first. */
export function findAlignments(a: Template, b: Template, seed: Seed): Alignment[] {
  const best: Alignment[] = [];
  for (const angle of angles) {
    const patch = cutPatch(a, seed.x, seed.y, angle, seedRadius);
    if (!patch) continue;
    const found = searchAt(b, patch, seed, angle, directionsAround(a, seed, angle));
    if (found) best.push(found);
  }
  best.sort((one, other) => other.correlation - one.correlation);
  return best.slice(0, 2).map((rough) => refine(a, b, rough));
}

/** Where to look in the other print for which ridge direction: five points, offset and doubled angle. */
type Marks = readonly { u: number; v: number; cos2: number; sin2: number }[];

function directionsAround(a: Template, seed: Seed, angle: number): Marks {
  const corners = [
    [0, 0],
    [-10, -10],
    [10, -10],
    [-10, 10],
    [10, 10],
  ] as const;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return corners.map(([u, v]) => {
    const x = Math.round(seed.x + cos * u + sin * v);
    const y = Math.round(seed.y - sin * u + cos * v);
    const at = y * a.width + x;
    const c = a.cos2[at] ?? 0;
    const s = a.sin2[at] ?? 0;
    const turnCos = Math.cos(2 * angle);
    const turnSin = Math.sin(2 * angle);
    return { u, v, cos2: c * turnCos - s * turnSin, sin2: s * turnCos + c * turnSin };
  });
}

function searchAt(b: Template, patch: Patch, seed: Seed, angle: number, marks: Marks): Alignment | undefined {
  let best: Alignment | undefined;
  let limit = 0.35;
  const own = marks.reduce((sum, { cos2, sin2 }) => sum + Math.hypot(cos2, sin2), 0);
  const right = Math.min(b.width - seedRadius - 1, seed.x + reach);
  const bottom = Math.min(b.height - seedRadius - 1, seed.y + reach);
  for (let by = Math.max(seedRadius, seed.y - reach); by <= bottom; by++) {
    for (let bx = Math.max(seedRadius, seed.x - reach); bx <= right; bx++) {
      if (!b.mask[by * b.width + bx] || agreement(b, marks, bx, by) < 0.82 * own) continue;
      if (correlate(patch, b, bx, by, 4) < limit - 0.2) continue;
      const correlation = correlate(patch, b, bx, by, 2);
      if (correlation <= limit) continue;
      limit = correlation;
      best = { ax: seed.x, ay: seed.y, bx, by, angle, correlation };
    }
  }
  return best;
}

/** Sum over the marks of how well directions agree: both certainties multiplied where they are equal, the negative where they cross. */
function agreement(b: Template, marks: Marks, x: number, y: number): number {
  let sum = 0;
  for (const { u, v, cos2, sin2 } of marks) {
    const at = (y + v) * b.width + x + u;
    sum += cos2 * (b.cos2[at] as number) + sin2 * (b.sin2[at] as number);
  }
  return sum;
}

/** Turns by single degrees and moves by a pixel for the best fit. */
function refine(a: Template, b: Template, rough: Alignment): Alignment {
  let best: Alignment = { ...rough, correlation: -1 };
  for (let turn = -3; turn <= 3; turn++) {
    const angle = rough.angle + turn * degrees;
    const patch = cutPatch(a, rough.ax, rough.ay, angle, seedRadius);
    if (!patch) continue;
    for (let by = rough.by - 1; by <= rough.by + 1; by++) {
      for (let bx = rough.bx - 1; bx <= rough.bx + 1; bx++) {
        const correlation = correlate(patch, b, bx, by);
        if (correlation > best.correlation) best = { ...rough, bx, by, angle, correlation };
      }
    }
  }
  return best;
}
