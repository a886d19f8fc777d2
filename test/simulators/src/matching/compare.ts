import { type Alignment, findAlignments, findSeeds } from './align.ts';
import { correlate, cutPatch } from './patch.ts';
import type { Template } from './template.ts';

/** Outcome of a comparison. */
export interface Comparison {
  /** 0 nothing in common … 1 the same picture. */
  score: number;
  /** Places that both prints show under the best alignment. */
  places: number;
  /** Turning of the second print against the first, degrees, clockwise. */
  rotation: number;
}

const placeRadius = 13;
const placeStep = 10;
/** Alignments that are followed over the whole print. */
const followed = 4;
/** An alignment that correlates like this is followed before any other is looked for. */
const striking = 0.7;
/** A score after which no other alignment is tried. */
const beyondDoubt = 0.7;
const nothing: Comparison = { score: 0, places: 0, rotation: 0 };
/** Common places below which the score is cut in proportion: little overlap proves little. */
const enoughPlaces = 40;

/**
 * How much of two prints is the same skin, judged by the ridges themselves: some telling places of `a` are looked for
 * in `b`; from each that was found the comparison walks from place to place over the whole print, allowing for a little
 * stretch at each step, and takes the mean of how well the places correlate.
 */
export function compare(a: Template, b: Template): Comparison {
  const alignments: Alignment[] = [];
  for (const seed of findSeeds(a)) {
    const found = findAlignments(a, b, seed);
    const first = found[0];
    if (first && first.correlation > striking) {
      const outcome = follow(a, b, first);
      if (outcome.score > beyondDoubt) return outcome;
    }
    alignments.push(...found);
  }
  alignments.sort((one, other) => other.correlation - one.correlation);
  const outcomes = distinct(alignments)
    .slice(0, followed)
    .map((alignment) => follow(a, b, alignment));
  return outcomes.reduce((best, outcome) => (outcome.score > best.score ? outcome : best), nothing);
}

/** Leaves out alignments that a better one already says. */
function distinct(alignments: readonly Alignment[]): Alignment[] {
  const kept: Alignment[] = [];
  for (const one of alignments) {
    const known = kept.some((other) => {
      const [x, y] = mapped(other, one.ax, one.ay);
      return Math.hypot(x - one.bx, y - one.by) < 4 && Math.abs(other.angle - one.angle) < 0.07;
    });
    if (!known) kept.push(one);
  }
  return kept;
}

function mapped({ ax, ay, bx, by, angle }: Alignment, x: number, y: number): [number, number] {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return [bx + cos * (x - ax) - sin * (y - ay), by + sin * (x - ax) + cos * (y - ay)];
}

interface Step {
  column: number;
  row: number;
  /** Where the place is expected in the other print. */
  x: number;
  y: number;
  trust: number;
}

function follow(a: Template, b: Template, start: Alignment): Comparison {
  const { angle } = start;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const visited = new Set<number>();
  const open: Step[] = [{ column: 0, row: 0, x: start.bx, y: start.by, trust: 1 }];
  let places = 0;
  let sum = 0;
  while (open.length > 0) {
    const step = takeBest(open);
    const name = (step.row + 100) * 1000 + step.column + 100;
    if (visited.has(name)) continue;
    visited.add(name);
    const patch = cutPatch(a, start.ax + step.column * placeStep, start.ay + step.row * placeStep, angle, placeRadius);
    if (!patch || !shown(b, step)) continue;
    const found = settle(b, patch, step);
    places++;
    sum += Math.max(0, found.trust);
    for (const [dc, dr] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      const dx = placeStep * dc;
      const dy = placeStep * dr;
      const x = found.x + cos * dx - sin * dy;
      const y = found.y + sin * dx + cos * dy;
      open.push({ column: step.column + dc, row: step.row + dr, x, y, trust: found.trust });
    }
  }
  const mean = places ? sum / places : 0;
  return { score: mean * Math.min(1, places / enoughPlaces), places, rotation: (angle * 180) / Math.PI };
}

function takeBest(open: Step[]): Step {
  let best = 0;
  for (let i = 1; i < open.length; i++) if ((open[i] as Step).trust > (open[best] as Step).trust) best = i;
  const [step] = open.splice(best, 1);
  return step as Step;
}

function shown({ width, height, mask }: Template, { x, y }: Step): boolean {
  const column = Math.round(x);
  const row = Math.round(y);
  const inside =
    column >= placeRadius && row >= placeRadius && column + placeRadius < width && row + placeRadius < height;
  return inside && mask[row * width + column] === 1;
}

/** The best fit within a pixel of where the place is expected; the fraction of a pixel is estimated by a parabola. */
function settle(
  b: Template,
  patch: NonNullable<ReturnType<typeof cutPatch>>,
  step: Step,
): { x: number; y: number; trust: number } {
  const cx = Math.round(step.x);
  const cy = Math.round(step.y);
  let best = { x: cx, y: cy, trust: -1 };
  for (let y = cy - 1; y <= cy + 1; y++) {
    for (let x = cx - 1; x <= cx + 1; x++) {
      const trust = correlate(patch, b, x, y);
      if (trust > best.trust) best = { x, y, trust };
    }
  }
  // A poor fit must not lead the way: then the expectation stands.
  return best.trust > 0.4 ? best : { ...best, x: step.x, y: step.y };
}

/**
 * Scores from this on are the same finger. Measured on virtual fingers (see compare.test.ts): impostors stay well below,
 * impressions of one finger well above. It says nothing about real prints.
 */
export const threshold = 0.55;

export function matches(a: Template, b: Template): boolean {
  return compare(a, b).score >= threshold;
}
