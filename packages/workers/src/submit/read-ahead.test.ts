import { expect, it } from 'vitest';
import { readAhead } from './read-ahead.ts';

/** A source that says what happens to it. */
function source(said: string[], fails = false) {
  return async function* () {
    said.push('begun');
    try {
      yield Buffer.from('one');
      // The one before is good until here.
      said.push('asked on');
      if (fails) throw new RangeError('no more');
      yield Buffer.from('two');
    } finally {
      said.push('over');
    }
  };
}

const whole = async (body: AsyncIterable<Uint8Array>) => (await Array.fromAsync(body)).map(String);

it('begins before anybody asks, and goes on when asked', async () => {
  const said: string[] = [];
  const ahead = readAhead(source(said));
  expect(said).toEqual(['begun']);
  const body = ahead.open();
  expect(String((await body.next()).value)).toBe('one');
  expect(said).toEqual(['begun']);
  expect(await whole(body)).toEqual(['two']);
  expect(said).toEqual(['begun', 'asked on', 'over']);
  ahead.close();
});

it('reads anew for who asks again', async () => {
  const said: string[] = [];
  const ahead = readAhead(source(said));
  expect(await whole(ahead.open())).toEqual(['one', 'two']);
  expect(await whole(ahead.open())).toEqual(['one', 'two']);
  expect(said.filter((word) => word === 'begun')).toHaveLength(2);
});

it('ends what nobody asked for, what was left half-way, and what was never begun', async () => {
  const said: string[] = [];
  const unasked = readAhead(source(said));
  // Opened, and never pulled: undici had no socket for it.
  await unasked.open().return();
  unasked.close();
  await expect.poll(() => said).toEqual(['begun', 'over']);
  said.length = 0;
  const body = readAhead(source(said)).open();
  await body.next();
  await body.return();
  expect(said).toEqual(['begun', 'over']);
});

it('tells a failure to who asks, and to nobody else', async () => {
  const broken = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield await Promise.reject(new RangeError('no disk'));
  };
  await expect(whole(readAhead(broken).open())).rejects.toThrow('no disk');
  // Unhandled, this would fail the run.
  readAhead(broken).close();
  await expect(whole(readAhead(source([], true)).open())).rejects.toThrow('no more');
});
