import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

describe('turns', () => {
  it('has the second of a name wait for the first, and others not', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const first = Promise.withResolvers<void>();
    const all = [
      turns.run('a', async () => {
        order.push('a1 begins');
        await first.promise;
        order.push('a1 ends');
      }),
      turns.run('a', async () => order.push('a2')),
      turns.run('b', async () => order.push('b')),
    ];
    await all[2];
    expect(order).toEqual(['a1 begins', 'b']);
    first.resolve();
    await Promise.all(all);
    expect(order).toEqual(['a1 begins', 'b', 'a1 ends', 'a2']);
  });

  it('goes on after a failure, which only its own caller hears of', async () => {
    const turns = new Turns();
    const fails = turns.run('a', () => Promise.reject(new Error('no')));
    const next = turns.run('a', async () => 'yes');
    await expect(fails).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });
});
