import { type UserTransactionRequest, userTransactionRequest } from '@atesto/shared/contracts/spid-server';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import { type Cpf, parseCpf } from '@atesto/shared/domain/cpf';
import { readBiometric, type StoredBiometric } from './biometrics.ts';

/** A submission that passed every check. */
export interface Submission {
  subject: Cpf;
  operator: Cpf;
  timestamp: number;
  biometrics: StoredBiometric[];
  missing: UserTransactionRequest['data']['missingBiometrics'];
}

/** Checks a body as strictly as the contract allows. The messages name fields, never what is in them. */
export function validateSubmission(body: unknown, decoding = true): Submission | { errors: string[] } {
  if (body === undefined) return { errors: ['body is not JSON'] };
  const parsed = userTransactionRequest.safeParse(body);
  if (!parsed.success) {
    return { errors: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`) };
  }
  const { data } = parsed.data;
  const errors: string[] = [];
  const subject = elevenDigits(data.userId);
  const operator = elevenDigits(data.operatorId);
  if (!subject) errors.push('data.userId: not a CPF');
  if (!operator) errors.push('data.operatorId: not a CPF');
  if (data.timestamp <= 0) errors.push('data.timestamp: not epoch milliseconds');
  if (data.biometrics.length === 0) errors.push('data.biometrics: empty');
  const indexes = [...data.biometrics, ...data.missingBiometrics].map((one) => one.index);
  if (new Set(indexes).size !== indexes.length) errors.push('data: an index appears twice');
  if (indexes.some((index) => index < 0 || index > FACE_INDEX))
    errors.push('data: an index is not a finger or the face');
  const biometrics: StoredBiometric[] = [];
  for (const wire of data.biometrics) {
    const stored = readBiometric(wire, decoding);
    if (typeof stored === 'string') errors.push(stored);
    else biometrics.push(stored);
  }
  if (errors.length > 0 || !subject || !operator) return { errors };
  return { subject, operator, timestamp: data.timestamp, biometrics, missing: data.missingBiometrics };
}

/** The wire has eleven digits and nothing between them. */
export function elevenDigits(text: string): Cpf | undefined {
  return /^\d{11}$/.test(text) ? parseCpf(text) : undefined;
}
