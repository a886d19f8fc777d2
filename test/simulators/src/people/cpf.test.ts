import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpfCheckDigits, isCpf, virtualCpf, virtualCpfPrefix } from './cpf.ts';
import { people } from './person.ts';
import { random } from './random.ts';

describe('CPF', () => {
  it.each([
    // Numbers that textbooks and the registry's own examples use.
    ['529982247', '25'],
    ['111444777', '35'],
    ['123456789', '09'],
    ['000000001', '91'],
  ])('ends %s with %s', (nine, check) => {
    expect(cpfCheckDigits(nine)).toBe(check);
    expect(isCpf(nine + check)).toBe(true);
  });

  it('refuses what is none', () => {
    for (const text of ['', '52998224724', '11111111111', '529.982.247-25', '5299822472', '529982247255']) {
      expect(isCpf(text)).toBe(false);
    }
  });

  it('notices any single wrong digit', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(10), fc.integer({ min: 1, max: 9 }), (seed, place, by) => {
        const cpf = virtualCpf(random(seed));
        // Zero stands for two remainders, so a CPF whose first check digit is 0 may have a twin.
        fc.pre(cpf[9] !== '0');
        const wrong = [...cpf].map((digit, i) => (i === place ? (Number(digit) + by) % 10 : digit)).join('');
        expect(isCpf(wrong)).toBe(false);
      }),
    );
  });

  it('gives virtual people valid ones from the artificial range', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const cpf = virtualCpf(random(seed));
        expect(isCpf(cpf)).toBe(true);
        expect(cpf.startsWith(virtualCpfPrefix)).toBe(true);
      }),
    );
  });

  it('gives a population different ones, stable when it grows', () => {
    const cpfs = people('town', 2000).map(({ cpf }) => cpf);
    expect(new Set(cpfs).size).toBe(2000);
    expect(people('town', 50).map(({ cpf }) => cpf)).toEqual(cpfs.slice(0, 50));
    expect(() => people('town', 10_000)).toThrow(RangeError);
  });
});
