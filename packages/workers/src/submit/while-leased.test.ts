import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { LeaseOver, whileLeased } from './while-leased.ts';

/** What is left at one look after the other; the last stays. */
const leftAt = (...left: number[]) => ({ leftMs: () => (left.length > 1 ? left.shift() : left[0]) ?? 0 });

async function* chunks() {
  yield Buffer.from('first');
  yield Buffer.from('second');
}

it('passes a body on while the claim holds', async () => {
  const passed = await buffer(whileLeased(chunks(), leftAt(1)));
  expect(passed.toString()).toBe('firstsecond');
});

it('gives nothing away once the claim is over, and cuts short what has begun', async () => {
  await expect(whileLeased(chunks(), leftAt(0)).next()).rejects.toThrow(LeaseOver);
  const body = whileLeased(chunks(), leftAt(1, 0));
  expect(String((await body.next()).value)).toBe('first');
  await expect(body.next()).rejects.toThrow(LeaseOver);
});
