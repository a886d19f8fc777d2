import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { inGroups } from './in-groups.ts';

it.each([1, 3])('gives each its own result, and makes %i calls at a time of at most so many', async (atOnce) => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.nat({ max: 60 }), fc.integer({ min: 1, max: 9 }), async (s, count, most) => {
      let underWay = 0;
      const call = s.scheduleFunction(async (items: readonly number[]) => {
        underWay--;
        return items.map((item) => item * 2);
      });
      const double = inGroups<number, number>(
        (items) => {
          expect(items.length).toBeLessThanOrEqual(most);
          expect(++underWay).toBeLessThanOrEqual(atOnce);
          return call(items);
        },
        most,
        atOnce,
      );
      const asked = Promise.all(Array.from({ length: count }, (_, i) => double(i)));
      expect(await s.waitFor(asked)).toEqual(Array.from({ length: count }, (_, i) => i * 2));
    }),
    { numRuns: 30 },
  );
});

it('takes together what comes while a call is under way', async () => {
  const sizes: number[] = [];
  const first = Promise.withResolvers<void>();
  const ask = inGroups<number, number>(async (items) => {
    sizes.push(items.length);
    await first.promise;
    return items;
  }, 16);
  const alone = ask(0);
  await vi.waitFor(() => expect(sizes).toEqual([1]));
  const others = Promise.all(Array.from({ length: 40 }, (_, i) => ask(i)));
  first.resolve();
  await Promise.all([alone, others]);
  expect(sizes).toEqual([1, 16, 16, 8]);
});

it('begins full groups beside a call that is under way', async () => {
  const sizes: number[] = [];
  const first = Promise.withResolvers<void>();
  const ask = inGroups<number, number>(
    async (items) => {
      sizes.push(items.length);
      await first.promise;
      return items;
    },
    8,
    3,
  );
  const all = Promise.all(Array.from({ length: 30 }, (_, i) => ask(i)));
  await vi.waitFor(() => expect(sizes).toEqual([8, 8, 8]));
  first.resolve();
  await all;
  expect(sizes).toEqual([8, 8, 8, 6]);
});

it('does not wait for a call that is stuck', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const stuck = Promise.withResolvers<void>();
    let calls = 0;
    const ask = inGroups<number, number>(async (items) => {
      if (++calls === 1) await stuck.promise;
      return items;
    }, 8);
    const first = ask(1);
    await vi.waitFor(() => expect(calls).toBe(1));
    const second = ask(2);
    vi.advanceTimersByTime(250);
    expect(await second).toBe(2);
    stuck.resolve();
    expect(await first).toBe(1);
    expect(await ask(3)).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});

it('fails all of a call that fails, and goes on', async () => {
  const ask = inGroups<number, number>(async (items) => {
    if (items.includes(1)) throw new RangeError('away');
    return items;
  }, 2);
  const answers = await Promise.allSettled([0, 1, 2].map(ask));
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});
