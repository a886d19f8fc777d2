import type * as z from 'zod';
import type { KeyRing } from './key-ring.ts';

/** How a column of the ledger is sealed. A value is bound to its column and row: one's does not open in another's place. */
export function sealedColumn<T>(name: string, schema: z.ZodType<T>) {
  const contextOf = (row: string) => `${name}:${row}`;
  return {
    seal: (keyRing: KeyRing, row: string, value: T): Buffer => keyRing.sealText(JSON.stringify(value), contextOf(row)),
    /** @throws VaultError `unknown-key`, `tampered` */
    open: (keyRing: KeyRing, row: string, sealed: Uint8Array): T =>
      schema.parse(JSON.parse(keyRing.openText(sealed, contextOf(row)))),
    /** The same value under the active key. @throws VaultError */
    reseal: (keyRing: KeyRing, row: string, sealed: Uint8Array): Buffer => keyRing.resealText(sealed, contextOf(row)),
  };
}
