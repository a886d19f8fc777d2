import type { Cpf } from '../domain/cpf.ts';
import { parseCpf } from '../domain/cpf.ts';
import type { KeyRing } from './key-ring.ts';

/** How a CPF stands in the ledger: found by its keyed hash, read only with the key ring. */
export interface SealedCpf {
  cpfIndex: Buffer;
  cpfSealed: Buffer;
}

/** The hash is part of what seals the text, so that one row's sealed CPF does not open in another's place. */
const contextOf = (cpfIndex: Buffer) => `subject.cpf:${cpfIndex.toString('hex')}`;

export function sealCpf(keyRing: KeyRing, cpf: Cpf): SealedCpf {
  const cpfIndex = keyRing.mac('cpf', cpf);
  return { cpfIndex, cpfSealed: keyRing.sealText(cpf, contextOf(cpfIndex)) };
}

/** @throws VaultError `unknown-key`, `tampered` */
export function openCpf(keyRing: KeyRing, { cpfIndex, cpfSealed }: SealedCpf): Cpf | undefined {
  return parseCpf(keyRing.openText(cpfSealed, contextOf(cpfIndex)));
}

/** The same CPF under the active key. @throws VaultError */
export function resealCpf(keyRing: KeyRing, { cpfIndex, cpfSealed }: SealedCpf): Buffer {
  return keyRing.resealText(cpfSealed, contextOf(cpfIndex));
}
