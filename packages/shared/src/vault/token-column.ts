import type { KeyRing } from './key-ring.ts';
import { VaultError } from './vault-error.ts';

/** Bound to its account: one's token does not open in another's place. */
const contextOf = (account: string) => `idcloud.token:${account}`;

/** Seals the access tokens of IDCloud accounts for the ledger. */
export function tokenColumn(keyRing: KeyRing) {
  return {
    seal: (account: string, token: string): Buffer => keyRing.sealText(token, contextOf(account)),
    /** Undefined where no key of the ring opens it: another one is fetched. */
    open(account: string, sealed: Uint8Array): string | undefined {
      try {
        return keyRing.openText(sealed, contextOf(account));
      } catch (error) {
        if (error instanceof VaultError) return undefined;
        throw error;
      }
    },
  };
}

/** The same token under the active key. @throws VaultError */
export function resealToken(keyRing: KeyRing, account: string, sealed: Uint8Array): Buffer {
  return keyRing.resealText(sealed, contextOf(account));
}
