declare const brand: unique symbol;

/** A person's CPF: eleven digits whose two check digits hold. It never leaves the vault, encrypted columns and the wire to an upstream. */
export type Cpf = string & { readonly [brand]: 'cpf' };

/** Accepts `12345678909` and `123.456.789-09`; anything else, wrong check digits and eleven equal digits give undefined. */
export function parseCpf(text: string): Cpf | undefined {
  if (!/^\d{3}\.?\d{3}\.?\d{3}-?\d{2}$/.test(text)) return undefined;
  const digits = text.replace(/\D/g, '');
  if (/^(\d)\1{10}$/.test(digits)) return undefined;
  const base = digits.slice(0, 9);
  return digits === base + checkDigits(base) ? (digits as Cpf) : undefined;
}

/** The form in which Brazilian registers publish a CPF: its middle six digits, `***.982.247-**`. */
export function maskCpf(cpf: string): string {
  return `***.${cpf.slice(3, 6)}.${cpf.slice(6, 9)}-**`;
}

/** The two check digits (module 11) for nine digits. */
export function checkDigits(base: string): string {
  const first = checkDigit(base);
  return `${first}${checkDigit(`${base}${first}`)}`;
}

function checkDigit(digits: string): number {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) sum += Number(digits[i]) * (digits.length + 1 - i);
  const rest = (sum * 10) % 11;
  return rest === 10 ? 0 : rest;
}
