import * as z from 'zod';
import type { KeptAnswer } from '../domain/transaction.ts';
import type { KeyRing } from './key-ring.ts';

const keptAnswer = z.object({
  status: z.int(),
  contentType: z.string().optional(),
  body: z.string(),
}) satisfies z.ZodType<KeptAnswer>;

/** Bound to its transaction: one's answer does not open in another's place. */
const contextOf = (transaction: string) => `transaction.answer:${transaction}`;

export function sealAnswer(keyRing: KeyRing, transaction: string, answer: KeptAnswer): Buffer {
  return keyRing.sealText(JSON.stringify(answer), contextOf(transaction));
}

/** @throws VaultError `unknown-key`, `tampered` */
export function openAnswer(keyRing: KeyRing, transaction: string, sealed: Uint8Array): KeptAnswer {
  return keptAnswer.parse(JSON.parse(keyRing.openText(sealed, contextOf(transaction))));
}

/** The same answer under the active key. @throws VaultError */
export function resealAnswer(keyRing: KeyRing, transaction: string, sealed: Uint8Array): Buffer {
  return keyRing.resealText(sealed, contextOf(transaction));
}
