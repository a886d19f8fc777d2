import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { VaultError } from './vault-error.ts';

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** AES-256-GCM over one text that comes in pieces. Returns their ciphertexts and the tag apart, so that nothing is copied to join them. */
export function seal(key: KeyObject, nonce: Uint8Array, aad: Uint8Array, plaintext: readonly Uint8Array[]): Buffer[] {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  const ciphertext = plaintext.map((piece) => cipher.update(piece));
  cipher.final();
  return [...ciphertext, cipher.getAuthTag()];
}

/**
 * Opens `ciphertext ‖ tag`. Nothing is returned before the tag was verified.
 * @throws VaultError `tampered`
 */
export function open(key: KeyObject, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, what: string): Buffer {
  const end = sealed.length - TAG_BYTES;
  if (end < 0) throw new VaultError('tampered', `${what}: too short`);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new VaultError('tampered', `${what}: authentication failed`);
  }
  return plaintext;
}
