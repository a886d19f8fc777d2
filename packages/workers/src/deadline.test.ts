import { expect, it } from 'vitest';
import { deadlineIn } from './deadline.ts';

it.each([
  ['both went on', 40, 40, 60],
  ['the clock was set back', -600_000, 40, 60],
  ['the machine slept', 70, 1, 30],
  ['the clock was set forth', 600_000, 40, -599_900],
])('%s', (_what, wallMs, monotonicMs, leftMs) => {
  const now = { wall: 1_000_000, monotonic: 5 };
  const deadline = deadlineIn(100, { wall: () => now.wall, monotonic: () => now.monotonic });
  expect(deadline.leftMs()).toBe(100);
  now.wall += wallMs;
  now.monotonic += monotonicMs;
  expect(deadline.leftMs()).toBe(leftMs);
});
