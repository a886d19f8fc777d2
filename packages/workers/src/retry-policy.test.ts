import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anewDelay, pollDelay, retryDelay } from './retry-policy.ts';

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it.each([
  [1, 2_000],
  [2, 4_000],
  [5, 32_000],
  [10, 15 * 60_000],
  [1_000, 15 * 60_000],
])('waits after attempt %i for %i ms', (attempt, ms) => expect(retryDelay(attempt, () => 0.5)).toBe(ms));

it.each([
  ['spid.enroll', 0, 1_000],
  ['spid.enroll', 4_000, 1_000],
  ['spid.enroll', 60_000, 15_000],
  ['spid.enroll', 24 * 3_600_000, 3_600_000],
  ['idcloud.process', 0, 2_000],
  ['idcloud.process', 2_000, 2_000],
  ['idcloud.process', 4_000, 4_000],
  ['idcloud.document', 32_000, 32_000],
  ['idcloud.process', 64_000, 60_000],
  ['idcloud.process', 240_000, 60_000],
  ['idcloud.process', 3_600_000, 900_000],
  ['idcloud.process', 24 * 3_600_000, 3_600_000],
  ['idcloud.unico', 0, 10_000],
  ['idcloud.unico', 60_000, 30_000],
  ['idcloud.unico', 600_000, 150_000],
] as const)('looks again at a %s of %i ms after %i ms', (kind, age, ms) =>
  expect(pollDelay(kind, age, () => 0.5)).toBe(ms),
);

it.each([
  [1, 0, 1_000],
  [3, 0, 4_000],
  [20, 0, 60_000],
  [1, 90_000, 90_000],
])('after a 429 at attempt %i with Retry-After %i waits for %i ms', (attempt, after, ms) =>
  expect(retryDelay(attempt, () => 0.5, after, 'throttled')).toBe(ms),
);

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

it.each([
  [0, 1_000],
  [1, 2_000],
  [2, 4_000],
  [3, undefined],
])('sends what came to nothing %i times before anew after %s ms', (before, ms) =>
  expect(anewDelay(before, () => 0.5)).toBe(ms),
);
