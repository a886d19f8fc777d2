import { expect, it } from 'vitest';
import { SHARE_LEVELS, Shares } from './shares.ts';

const HOUR_MS = 3_600_000;

it('spreads a backlog over the places, and lets another source stand in front of it', () => {
  const shares = new Shares();
  const counted = new Array<number>(SHARE_LEVELS).fill(0);
  for (let i = 0; i < 50_000; i++) {
    const place = shares.place('branch', HOUR_MS);
    counted[place] = (counted[place] ?? 0) + 1;
  }
  expect(counted).toEqual([8, 24, 96, 384, 1_536, 6_144, 24_576, 17_232]);
  expect(shares.place('another', HOUR_MS)).toBe(0);
});

it('is in time forgotten', () => {
  const shares = new Shares();
  for (let i = 0; i < 1_000; i++) shares.place('branch', HOUR_MS);
  expect(shares.place('branch', HOUR_MS)).toBe(4);
  expect(shares.place('branch', HOUR_MS + 90_000)).toBe(2);
  expect(shares.place('branch', HOUR_MS + 200_000)).toBe(0);
});

it('lets whoever captures by hand stand in front, however long', () => {
  const shares = new Shares();
  for (let i = 0; i < 1_000; i++) expect(shares.place('branch', HOUR_MS + i * 500)).toBe(0);
});
