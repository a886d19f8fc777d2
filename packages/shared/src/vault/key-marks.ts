import type { KeyMarks } from '../domain/key-marks.ts';
import type { KeyRing } from './key-ring.ts';
import { VaultError } from './vault-error.ts';

const CONTEXT = 'key mark';

/** The marks of a ring, for the ledger that it belongs to. */
export function keyMarks(keyRing: KeyRing): KeyMarks {
  return {
    active: () => ({ id: keyRing.activeKeyId, mark: keyRing.sealText('', CONTEXT) }),
    foreign(id, mark) {
      try {
        keyRing.openText(mark, CONTEXT);
        return undefined;
      } catch (error) {
        if (!(error instanceof VaultError)) throw error;
        return { why: error.kind === 'unknown-key' ? 'missing-key' : 'other-key', id };
      }
    },
    index: keyRing.mac(CONTEXT),
  };
}
