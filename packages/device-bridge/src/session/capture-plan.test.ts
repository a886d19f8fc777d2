import { missingTypes } from '@atesto/shared/contracts/spid-services';
import { DEFAULT_CAPTURE_PLAN, type FingerIndex, fingers } from '@atesto/shared/domain/biometric';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planFor, readMissing } from './capture-plan.ts';

const read = (params: Record<string, string>) => readMissing(params, missingTypes);
const without = (...indexes: number[]) => indexes.map((index) => ({ index, type: 'AMPUTATED', reason: 'r' }));

describe('missing fingers', () => {
  it.each<[Record<string, string>, unknown]>([
    [{ cpf: 'x' }, []],
    [{ missing: '' }, []],
    [{ missing: '2:AMPUTATED' }, [{ index: 2, type: 'AMPUTATED', reason: 'AMPUTATED' }]],
    [
      { missing: '2:AMPUTATED, 7:BANDAGED', 'missingReason.7': ' burnt, last week ' },
      [
        { index: 2, type: 'AMPUTATED', reason: 'AMPUTATED' },
        { index: 7, type: 'BANDAGED', reason: 'burnt, last week' },
      ],
    ],
  ])('%j', (params, expected) => {
    expect(read(params)).toEqual(expected);
  });

  it.each<Record<string, string>>([
    { missing: '2' },
    { missing: '2:amputated' },
    { missing: '2:LOST' },
    { missing: '10:AMPUTATED' },
    { missing: '-1:AMPUTATED' },
    { missing: '2:AMPUTATED,' },
    { missing: '2:AMPUTATED;3:AMPUTATED' },
    { missing: '2:AMPUTATED,2:BANDAGED' },
    { missing: '2:AMPUTATED', 'missingReason.3': 'x' },
    { 'missingReason.3': 'x' },
    { missing: '2:AMPUTATED', 'missingReason.2': 'x'.repeat(201) },
    { missing: '2:AMPUTATED', 'missingReason.2': 'a\u0000b' },
  ])('refuses %j with a text, without echo', (params) => {
    expect(read(params)).toEqual(expect.any(String));
    expect(read(params)).not.toContain('xx');
  });
});

describe('plan', () => {
  it.each<[string, number[], number[]]>([
    ['nothing missing', [], [6, 7, 3, 2]],
    ['right index: thumb', [6], [5, 7, 3, 2]],
    ['right index and middle: thumb, ring', [6, 7], [5, 8, 3, 2]],
    ['right index and thumb: ring', [6, 5], [8, 7, 3, 2]],
    ['right index, thumb and ring: little', [6, 5, 8], [9, 7, 3, 2]],
    ['left index and middle: thumb, ring', [3, 2], [6, 7, 4, 1]],
    ['a finger that is not planned', [9], [6, 7, 3, 2]],
    ['the right hand', [5, 6, 7, 8, 9], [3, 2]],
    ['the right hand but the little finger', [5, 6, 7, 8], [9, 3, 2]],
    ['both hands', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], []],
  ])('%s', (_case, missing, expected) => {
    expect(planFor(DEFAULT_CAPTURE_PLAN, without(...missing)).fingers).toEqual(expected);
  });

  it('never asks for a missing finger, nor for one twice, nor for more than it was to', () => {
    const some = fc.uniqueArray(fc.constantFrom(...fingers.map(({ index }) => index)));
    fc.assert(
      fc.property(some, some, (wanted: FingerIndex[], gone) => {
        const plan = planFor(wanted, without(...gone));
        expect(plan.fingers.filter((index) => gone.includes(index))).toEqual([]);
        expect(new Set(plan.fingers).size).toBe(plan.fingers.length);
        expect(plan.fingers.length).toBeLessThanOrEqual(wanted.length);
        for (const index of wanted) if (!gone.includes(index)) expect(plan.fingers).toContain(index);
      }),
    );
  });
});
