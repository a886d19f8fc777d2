import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random } from './random.ts';

describe('random', () => {
  it('gives one stream per seed, the same for ever', () => {
    const stream = random('a seed');
    expect([stream.integer(0, 999), stream.integer(0, 999), stream.integer(0, 999)]).toMatchInlineSnapshot(`
      [
        367,
        81,
        856,
      ]
    `);
    expect(random('a seed').next()).toBe(random('a seed').next());
    expect(random('a seed').next()).not.toBe(random('a seee').next());
  });

  it('keeps to its ranges', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: -99, max: 99 }), fc.nat(50), (seed, low, span) => {
        const stream = random(seed);
        for (let i = 0; i < 20; i++) {
          const whole = stream.integer(low, low + span);
          expect(Number.isInteger(whole) && whole >= low && whole <= low + span).toBe(true);
          expect(Math.abs(stream.normal())).toBeLessThanOrEqual(3);
          const value = stream.between(low, low + span + 1);
          expect(value >= low && value < low + span + 1).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is even, and draws by weight', () => {
    const stream = random('even');
    const draws = Array.from({ length: 20_000 }, () => stream.next());
    expect(draws.reduce((sum, value) => sum + value, 0) / draws.length).toBeCloseTo(0.5, 1);
    const tally = [0, 0, 0];
    for (let i = 0; i < 9000; i++) {
      const index = stream.weighted([1, 0, 2]);
      tally[index] = (tally[index] ?? 0) + 1;
    }
    expect(tally[1]).toBe(0);
    expect((tally[2] as number) / (tally[0] as number)).toBeCloseTo(2, 0);
  });
});
