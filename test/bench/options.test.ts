import { expect, it } from 'vitest';
import { type Options, readOptions } from './options.ts';
import { programs } from './programs.ts';
import { rows } from './rows.ts';

it.each<[string[], Partial<Options>]>([
  [['poll'], { parts: ['poll'], rounds: 5, memoryAt: [10_000, 100_000] }],
  [['--only', 'poll', '--rounds', '7'], { parts: ['poll'], rounds: 7 }],
  // With everything else it has to end some time.
  [[], { parts: Object.keys(programs) as Options['parts'], memoryAt: [10_000, 30_000] }],
  [['memory', '--memory-at', '2000,5000'], { memoryAt: [2_000, 5_000] }],
])('%j', (args, expected) => expect(readOptions(args)).toMatchObject(expected));

it.each([
  ['polls'],
  ['poll', 'growth'],
  ['--rounds', '0'],
  ['--memory-at', '1000'],
  ['--memory-at', '5000,2000'],
  ['--memory-at', '1500,2000'],
  ['--memory-at', '1000,2000,3000'],
])('does not understand %j', (...args) => expect(() => readOptions(args)).toThrow(TypeError));

it('has a program for the part of every row', () => {
  for (const { part } of Object.values(rows)) expect(Object.keys(programs)).toContain(part);
});
