import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pollDelay, retryDelay } from './retry-policy.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it.each([
  [1, 2_000],
  [2, 4_000],
  [5, 32_000],
  [10, 15 * 60_000],
  [1_000, 15 * 60_000],
])('waits after attempt %i for %i ms', (attempt, ms) => expect(retryDelay(attempt, () => 0.5)).toBe(ms));

it.each([
  [0, 1_000],
  [4_000, 1_000],
  [60_000, 15_000],
  [24 * 3_600_000, 3_600_000],
])('looks again at the age of %i ms after %i ms', (age, ms) => expect(pollDelay(age, () => 0.5)).toBe(ms));

it('spreads by a fifth and never undercuts Retry-After', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), chance, fc.integer({ min: 0, max: 600_000 }), (attempt, x, after) => {
      const middle = retryDelay(attempt, () => 0.5);
      const delay = retryDelay(attempt, () => x, after);
      expect(delay).toBeGreaterThanOrEqual(Math.max(after, Math.floor(middle * 0.8)));
      expect(delay).toBeLessThanOrEqual(Math.max(after, Math.ceil(middle * 1.2)));
    }),
  );
});
