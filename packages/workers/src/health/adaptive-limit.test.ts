import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AdaptiveLimit } from './adaptive-limit.ts';

function limitOf(most: number) {
  const clock = { ms: 0 };
  const limit = new AdaptiveLimit(most, () => clock.ms);
  return { clock, limit };
}

it('allows all that it may until it hears otherwise', () => {
  const { limit } = limitOf(50);
  for (let i = 0; i < 1_000; i++) limit.went('submit', 20, 50);
  expect(limit.limit).toBe(50);
});

it('is halved each second while all calls are too much, and never falls below one', () => {
  const { limit, clock } = limitOf(64);
  for (let i = 0; i < 100; i++) limit.overloaded();
  // Once a second: the first of them was one of twenty.
  expect(limit.limit).toBe(62);
  const seen = [];
  for (let i = 0; i < 8; i++) {
    clock.ms += 1_000;
    limit.overloaded();
    seen.push(limit.limit);
  }
  expect(seen).toEqual([31, 15, 7, 3, 2, 1, 1, 1]);
});

it('holds most of it where one in ten calls is too much', () => {
  const { limit, clock } = limitOf(64);
  for (let second = 0; second < 60; second++) {
    clock.ms += 1_000;
    for (let i = 0; i < 200; i++) {
      if (i % 10 === 0) limit.overloaded();
      else limit.went('submit', 100, limit.limit);
    }
  }
  expect(limit.limit).toBeGreaterThan(48);
});

it('comes back by one for each round of calls that went well, if it was used', () => {
  const { limit } = limitOf(50);
  limit.restart();
  for (let i = 0; i < 100; i++) limit.went('submit', 20, 0);
  expect(limit.limit).toBe(1);
  let calls = 0;
  for (; limit.limit < 10; calls++) limit.went('submit', 20, limit.limit);
  // 1 + 2 + … + 9 are 45.
  expect(calls).toBeGreaterThanOrEqual(45);
  expect(calls).toBeLessThan(60);
});

it('falls while calls take much longer than usual, and stays when they take as long again', () => {
  const { limit, clock } = limitOf(50);
  const round = (ms: number) => {
    clock.ms += 1_000;
    for (let i = 0; i < 50; i++) limit.went('submit', ms, limit.limit);
  };
  for (let i = 0; i < 20; i++) round(100);
  expect(limit.limit).toBe(50);
  for (let i = 0; i < 5; i++) round(5_000);
  expect(limit.limit).toBeLessThan(35);
  const fallen = limit.limit;
  for (let i = 0; i < 40; i++) round(100);
  expect(limit.limit).toBeGreaterThan(fallen);
});

it('does not take another kind of call for a slow one', () => {
  const { limit, clock } = limitOf(50);
  for (let i = 0; i < 500; i++) limit.went('submit spid.enroll', 30, 50);
  for (let i = 0; i < 500; i++) {
    clock.ms += 100;
    limit.went('submit spid.verify', 2_000, 50);
  }
  expect(limit.limit).toBe(50);
});

it('stays between one and the most', () => {
  const step = fc.oneof(
    fc.constant('overloaded' as const),
    fc.tuple(fc.nat({ max: 60_000 }), fc.nat({ max: 100 })),
    fc.constant('restart' as const),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.array(step), (most, steps) => {
      const { limit, clock } = limitOf(most);
      for (const one of steps) {
        clock.ms += 700;
        if (one === 'overloaded') limit.overloaded();
        else if (one === 'restart') limit.restart();
        else limit.went('submit', ...one);
        expect(limit.limit).toBeGreaterThanOrEqual(1);
        expect(limit.limit).toBeLessThanOrEqual(most);
      }
    }),
  );
});
