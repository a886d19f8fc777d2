import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OrientationField, orientationField } from './orientation.ts';
import type { Pattern } from './pattern.ts';
import { random } from './random.ts';

/** Counts singular points by the turns the direction makes around each cell of a grid (Poincaré's index). */
function singularPoints(field: OrientationField): { cores: number; deltas: number } {
  const step = 2;
  let cores = 0;
  let deltas = 0;
  for (let y = 21; y < 459; y += step) {
    for (let x = 21; x < 419; x += step) {
      const corners = [field(x, y), field(x + step, y), field(x + step, y + step), field(x, y + step)];
      let turn = 0;
      corners.forEach((angle, i) => {
        const next = corners[(i + 1) % 4] as number;
        turn += next - angle - Math.PI * Math.round((next - angle) / Math.PI);
      });
      const halves = Math.round(turn / Math.PI);
      if (halves > 0) cores += halves;
      else deltas -= halves;
    }
  }
  return { cores, deltas };
}

describe('orientation field', () => {
  it.each<[Pattern, number]>([
    ['arch', 0],
    ['tented-arch', 1],
    ['left-loop', 1],
    ['right-loop', 1],
    ['whorl', 2],
  ])('gives a %s %i core(s) and as many deltas', (pattern, count) => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const field = orientationField(random(seed), pattern, 220, 216);
        expect(singularPoints(field)).toEqual({ cores: count, deltas: count });
      }),
      { numRuns: 12 },
    );
  });
});
