import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import { sealCpf } from '@atesto/shared/vault/cpf-column';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';

/** Reads a CPF at the door. The problem names the field, never the value. @throws ProblemError `invalid-cpf` */
export function requireCpf(text: string, path: string): Cpf {
  const cpf = parseCpf(text);
  if (!cpf) throw new ProblemError('invalid-cpf', [{ path, problem: 'not a valid CPF' }]);
  return cpf;
}

/** The opaque id that stands for a person everywhere but on the wire to an upstream. */
export function identify(
  { ensureSubject, keyRing }: Pick<GatewayContext, 'ensureSubject' | 'keyRing'>,
  cpf: Cpf,
  as: 'subject' | 'operator',
): Promise<string> {
  return ensureSubject({ ...sealCpf(keyRing, cpf), operates: as === 'operator' });
}
