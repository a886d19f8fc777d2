import { expect, it } from 'vitest';
import { openScene } from './scene.ts';

it('leaves no clients behind where a scenario fails under load', { timeout: 60_000 }, async () => {
  const closers = new AsyncDisposableStack();
  const scene = await openScene('postgres', 'left alone', {}, closers).catch(async (error) => {
    await closers.disposeAsync();
    throw error;
  });
  const clients = scene.load(2);
  await clients.more(2).finally(() => closers.disposeAsync());
  await clients.ended;
  expect(clients.acknowledged()).toBeGreaterThanOrEqual(2);
});
