import { expect, it } from 'vitest';
import { Slots } from './slots.ts';

it('gives a free slot at once, and then by priority and order', async () => {
  const slots = new Slots(2);
  const begun: string[] = [];
  const take = async (name: string, priority: number) => {
    if (await slots.take(priority)) begun.push(name);
  };
  const all = Promise.all([
    take('a', 9),
    take('b', 9),
    take('poll', 33),
    take('first', 9),
    take('person', 1),
    take('second', 9),
  ]);
  for (let i = 0; i < 4; i++) slots.release();
  await all;
  expect(begun).toEqual(['a', 'b', 'person', 'first', 'second', 'poll']);
});

it('gives no more than there are', async () => {
  const slots = new Slots(3);
  let [underWay, most] = [0, 0];
  const work = async () => {
    await slots.take(1);
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    slots.release();
  };
  await Promise.all(Array.from({ length: 50 }, work));
  expect(most).toBe(3);
});

it('gives more or fewer when it is told', async () => {
  const slots = new Slots(1);
  const given: number[] = [];
  const take = async (n: number) => void ((await slots.take(1)) && given.push(n));
  const all = Promise.all([1, 2, 3, 4].map(take));
  slots.adapt(3);
  await new Promise((resolve) => setImmediate(resolve));
  expect(given).toEqual([1, 2, 3]);
  slots.adapt(1);
  slots.release();
  slots.release();
  await new Promise((resolve) => setImmediate(resolve));
  expect(given).toEqual([1, 2, 3]);
  slots.release();
  await all;
  expect(given).toEqual([1, 2, 3, 4]);
});

it('gives none once it is stopped', async () => {
  const slots = new Slots(1);
  const [begun, waits] = [slots.take(1), slots.take(1)];
  slots.stop();
  expect([await begun, await waits, await slots.take(1)]).toEqual([true, false, false]);
});
