import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDigits, parseCpf } from './cpf.ts';

describe('parseCpf', () => {
  it.each([
    ['12345678909', '12345678909'],
    ['123.456.789-09', '12345678909'],
    ['123456789-09', '12345678909'],
  ])('accepts %s', (text, expected) => expect(parseCpf(text)).toBe(expected));

  it.each([
    ['wrong first check digit', '12345678919'],
    ['wrong second check digit', '12345678908'],
    ['eleven equal digits', '11111111111'],
    ['ten digits', '1234567890'],
    ['twelve digits', '123456789091'],
    ['letters', '1234567890a'],
    ['spaces', ' 12345678909'],
    ['digits of another script', '１２３４５６７８９０９'],
    ['nothing', ''],
  ])('refuses %s', (_why, text) => expect(parseCpf(text)).toBeUndefined());

  it('accepts exactly one pair of check digits for any nine digits that are not all equal', () => {
    const bases = fc.stringMatching(/^\d{9}$/).filter((base) => !/^(\d)\1{8}$/.test(base));
    fc.assert(
      fc.property(bases, fc.integer({ min: 0, max: 99 }), (base, n) => {
        const digits = String(n).padStart(2, '0');
        expect(parseCpf(base + digits) !== undefined).toBe(digits === checkDigits(base));
      }),
    );
  });
});
