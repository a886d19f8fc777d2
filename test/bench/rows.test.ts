import { expect, it } from 'vitest';
import { type Row, rows, type Verdict, verdictOf } from './rows.ts';
import { describeRows } from './rows-report.ts';

const row = (passes: Row['passes'], aim: number, must?: number): Row => ({
  part: 'x',
  what: 'x',
  against: 'y',
  unit: '',
  digits: 2,
  passes,
  aim,
  ...(must === undefined ? {} : { must }),
});
const more = row('not below', 0.45, 0.28);
const less = row('below', 15, 40);
const flat = row('off by at most', 0.1);

it.each<[Row, number, Verdict]>([
  [more, 0.45, 'aim reached'],
  [more, 0.4499, 'ok'],
  [more, 0.28, 'ok'],
  [more, 0.2799, 'below must'],
  [less, 14.99, 'aim reached'],
  [less, 15, 'ok'],
  [less, 39.9, 'ok'],
  [less, 40, 'below must'],
  [flat, 0.9, 'aim reached'],
  [flat, 1.1, 'aim reached'],
  [flat, 1.11, 'aim missed'],
  [flat, 0.89, 'aim missed'],
  // A round that measured nothing is no pass.
  [more, Number.NaN, 'below must'],
  [less, Number.NaN, 'below must'],
  [flat, Number.NaN, 'aim missed'],
])('%o of %d: %s', (of, value, verdict) => expect(verdictOf(of, value)).toBe(verdict));

it('asks no less of an aim than of a must', () => {
  for (const one of Object.values(rows) as Row[]) {
    if (one.must !== undefined)
      expect(verdictOf({ ...one, must: one.aim, aim: one.must }, one.aim)).toBe('aim reached');
  }
});

it('tells the median, the range, both bars, the verdict and where it comes from', () => {
  const text = describeRows([
    { row: 'submitBare', values: [0.5, 0.2, 0.3], raw: '300/s of 1,000/s' },
    { row: 'addedP99', values: [70], raw: 'obvious: 900 ms' },
    { row: 'memory', values: [1.2], raw: '100 MiB, then 120' },
  ]);
  expect(text.split('\n').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
    '| bench | against | measured | aim | must | verdict | from |',
    expect.stringMatching(/^\|-/),
    '| `submit` 300 KB | bare undici POST | 0.30 (0.20–0.50) | ≥ 0.45 | ≥ 0.28 | ok | 300/s of 1,000/s |',
    '| added time at 100/s, p99 | (a time) | 70.0 ms | < 60 ms | < 150 ms | ok | obvious: 900 ms |',
    '| `memory` of a worker, later | itself before | 1.20 | ± 0.1 | | aim missed | 100 MiB, then 120 |',
  ]);
});
