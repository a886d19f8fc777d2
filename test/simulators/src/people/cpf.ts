import type { Random } from './random.ts';

/** The two check digits of a CPF's first nine digits (Receita Federal's modulo 11). */
export function cpfCheckDigits(nine: string): string {
  const digit = (digits: string): number => {
    let sum = 0;
    for (let i = 0; i < digits.length; i++) sum += Number(digits[i]) * (digits.length + 1 - i);
    const rest = (sum * 10) % 11;
    return rest === 10 ? 0 : rest;
  };
  const first = digit(nine);
  return `${nine}${first}${digit(`${nine}${first}`)}`.slice(9);
}

/** True for eleven digits, not all alike, whose check digits fit. */
export function isCpf(text: string): boolean {
  return /^\d{11}$/.test(text) && !/^(\d)\1{10}$/.test(text) && cpfCheckDigits(text.slice(0, 9)) === text.slice(9);
}

/** The first five digits of each virtual person's CPF. */
export const virtualCpfPrefix = '00000';

/**
 * A CPF with right check digits that is plainly nobody's: it begins with `00000`, so 9999 numbers exist, and `0000`
 * itself is not used. Whoever sees one in a log or a database knows at once that it is artificial. Nothing guarantees
 * that the registry never gave such a number out; virtual CPFs must never be sent to a real service.
 */
export function virtualCpf(stream: Random): string {
  const nine = `${virtualCpfPrefix}${String(stream.integer(1, 9999)).padStart(4, '0')}`;
  return nine + cpfCheckDigits(nine);
}
