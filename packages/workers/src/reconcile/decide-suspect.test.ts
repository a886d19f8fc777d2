import { expect, it } from 'vitest';
import { decideSuspect, WORKERS_LOST_MAX } from './decide-suspect.ts';

it.each([
  [0, 0],
  [1, 0],
  [2, 5_000],
  [3, 30_000],
  [4, 150_000],
])('after %i lost workers it is sent again within its time', (lostWorkers, dueInMs) => {
  expect(decideSuspect(lostWorkers, () => 0.5)).toEqual({ event: { type: 'absent' }, dueInMs });
});

it.each([WORKERS_LOST_MAX, WORKERS_LOST_MAX + 1])('after %i it is left to a person', (lostWorkers) => {
  expect(decideSuspect(lostWorkers, () => 0.5)).toEqual({
    event: { type: 'abandoned', reason: 'worker-lost-often' },
  });
});
