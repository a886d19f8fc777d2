import { randomUUID } from 'node:crypto';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { KeyRing } from '@atesto/shared/vault/key-ring';

/** Enough for any key, few enough for a line of a table. */
export const KEY_CHARACTERS_MAX = 200;

/** The id of a request: by the `Idempotency-Key` in its headers, else a fresh one. @throws what `tooLong` gives */
export function requestId(
  keyRing: KeyRing,
  principal: Principal,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  tooLong: () => Error,
): string {
  const key = headers['idempotency-key'];
  if (typeof key !== 'string' || key === '') return randomUUID();
  if (key.length > KEY_CHARACTERS_MAX) throw tooLong();
  return idFromIdempotencyKey(keyRing, principal, key);
}

/**
 * The id under which a caller's `Idempotency-Key` is remembered: derived from who asks and what they call it, so that a repeated request meets its
 * first one by primary key alone and two callers never meet. A UUID of version 8 (RFC 9562).
 */
export function idFromIdempotencyKey(keyRing: KeyRing, principal: Principal, key: string): string {
  const bytes = keyRing.mac('idempotency', `${principal.id}\n${key}`).subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
