import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { NONCE_BYTES, open, seal as sealAead } from '@atesto/shared/vault/aead';
import { generateKey, type KeyRing } from '@atesto/shared/vault/key-ring';
import { OutboxError } from './outbox-error.ts';

/** The key of one record, and how it is stored: wrapped by the station's key ring, bound to the record's id. */
export function newRecordKey(keys: KeyRing, recordId: string): { key: KeyObject; wrapped: Uint8Array } {
  const dataKey = generateKey();
  const wrapped = keys.wrap(dataKey, recordId);
  const key = createSecretKey(dataKey);
  dataKey.fill(0);
  return { key, wrapped };
}

/** @throws OutboxError `unreadable` where no key on the ring opens it, or it belongs to another record */
export function recordKey(keys: KeyRing, wrapped: Uint8Array, recordId: string): KeyObject {
  return readable(() => {
    const dataKey = keys.unwrap(wrapped, recordId);
    const key = createSecretKey(dataKey);
    dataKey.fill(0);
    return key;
  });
}

/** AES-256-GCM: nonce, cipher text, tag. `label` binds it to its place, so that two pictures cannot be swapped. */
export function seal(key: KeyObject, label: string, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  return Buffer.concat([nonce, ...sealAead(key, nonce, Buffer.from(label), [plain])]);
}

/** @throws OutboxError `unreadable` where a bit differs from what was sealed under this label */
export function unseal(key: KeyObject, label: string, sealed: Uint8Array): Buffer {
  return readable(() =>
    open(key, sealed.subarray(0, NONCE_BYTES), Buffer.from(label), sealed.subarray(NONCE_BYTES), 'outbox record'),
  );
}

/** Names every failure to open something. */
export function readable<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new OutboxError('unreadable', 'outbox: a record does not open with the keys at hand', { cause: error });
  }
}
