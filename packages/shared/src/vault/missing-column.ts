import * as z from 'zod';
import type { KeyRing } from './key-ring.ts';

/** A finger that a person lacks. The reason is free text about somebody's health: it is kept sealed. */
const missingFinger = z.object({ index: z.int(), type: z.string(), reason: z.string() });
export type MissingFinger = z.infer<typeof missingFinger>;

/** Bound to its transaction: one's fingers do not open in another's place. */
const contextOf = (transaction: string) => `transaction.missing:${transaction}`;

export function sealMissing(keyRing: KeyRing, transaction: string, missing: readonly MissingFinger[]): Buffer {
  return keyRing.sealText(JSON.stringify(missing), contextOf(transaction));
}

/** @throws VaultError `unknown-key`, `tampered` */
export function openMissing(keyRing: KeyRing, transaction: string, sealed: Uint8Array): MissingFinger[] {
  return z.array(missingFinger).parse(JSON.parse(keyRing.openText(sealed, contextOf(transaction))));
}

/** The same fingers under the active key. @throws VaultError */
export function resealMissing(keyRing: KeyRing, transaction: string, sealed: Uint8Array): Buffer {
  return keyRing.resealText(sealed, contextOf(transaction));
}
