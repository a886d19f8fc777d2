import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { LeaseOver, whileLeased } from './while-leased.ts';

async function* chunks() {
  yield Buffer.from('first');
  yield Buffer.from('second');
}

it('passes a body on while the claim holds', async () => {
  const passed = await buffer(whileLeased(chunks(), 100, () => 99));
  expect(passed.toString()).toBe('firstsecond');
});

it('gives nothing away once the claim is over, and cuts short what has begun', async () => {
  await expect(whileLeased(chunks(), 100, () => 100).next()).rejects.toThrow(LeaseOver);
  const times = [99, 100];
  const body = whileLeased(chunks(), 100, () => times.shift() ?? 100);
  expect(String((await body.next()).value)).toBe('first');
  await expect(body.next()).rejects.toThrow(LeaseOver);
});
