import { failurePolicies } from '@atesto/shared/domain/failure-policy';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anewDelay, askDelay, pollDelay, retryDelay } from './retry-policy.ts';

const away = failurePolicies.unavailable.backoff;
const throttled = failurePolicies.throttled.backoff;
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const MOST = 1 - Number.EPSILON;

it.each([
  [1, 2_000],
  [2, 4_000],
  [5, 32_000],
  [10, 15 * 60_000],
  [1_000, 15 * 60_000],
])('waits after attempt %i for anything up to %i ms', (attempt, ms) => {
  expect(retryDelay(away, attempt, () => 0)).toBe(0);
  expect(retryDelay(away, attempt, () => 0.5)).toBe(ms / 2);
  expect(retryDelay(away, attempt, () => MOST)).toBe(ms);
});

it.each([
  ['spid.enroll', 0, 1_000],
  ['spid.enroll', 4_000, 1_000],
  ['spid.enroll', 60_000, 12_000],
  ['spid.enroll', 24 * 3_600_000, 4.8 * 3_600_000],
  ['spid.enroll', 10 * 24 * 3_600_000, 24 * 3_600_000],
  ['idcloud.process', 0, 2_000],
  ['idcloud.process', 2_000, 2_000],
  ['idcloud.process', 4_000, 4_000],
  ['idcloud.document', 32_000, 32_000],
  ['idcloud.process', 64_000, 60_000],
  ['idcloud.process', 240_000, 60_000],
  ['idcloud.process', 3_600_000, 720_000],
  ['idcloud.unico', 0, 10_000],
  ['idcloud.unico', 60_000, 30_000],
  ['idcloud.unico', 600_000, 120_000],
] as const)('looks again at a %s of %i ms after %i ms', (kind, age, ms) =>
  expect(pollDelay(kind, age, () => 0.5)).toBe(ms),
);

it.each([
  ['at once', 0, 1, 0, 1_000],
  ['later', 0, 3, 0, 4_000],
  ['much later', 0, 20, 0, 60_000],
  ['as it is told', 60_000, 1, 60_000, 72_000],
  ['as it is told, many times', 60_000, 20, 60_000, 120_000],
])('after a 429 it comes %s: told %i ms, attempt %i', (_what, told, attempt, least, most) => {
  expect(retryDelay(throttled, attempt, () => 0, told)).toBe(least);
  expect(retryDelay(throttled, attempt, () => MOST, told)).toBe(most);
});

it('asks again after anything up to the time that it has been unknown', () => {
  const longest = (unknownForMs: number) => askDelay(unknownForMs, () => MOST);
  expect([0, 1_000, 40_000, 3_600_000].map(longest)).toEqual([2_000, 2_000, 40_000, 15 * 60_000]);
  expect(askDelay(0, () => 0, 20_000)).toBe(20_000);
});

it('spreads over the whole wait and never undercuts Retry-After', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), chance, fc.integer({ min: 0, max: 600_000 }), (attempt, x, told) => {
      const longest = Math.min(away.mostMs, away.firstMs * 2 ** (attempt - 1));
      const delay = retryDelay(away, attempt, () => x, told);
      expect(delay).toBeGreaterThanOrEqual(told);
      expect(delay).toBeLessThanOrEqual(told + Math.max(longest, Math.ceil(told * 0.2)));
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
