import { randomUUID } from 'node:crypto';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { KeyRing } from '@atesto/shared/vault/key-ring';

/** Enough for any key, few enough for a line of a table. */
export const KEY_CHARACTERS_MAX = 200;

type Key = string | string[] | undefined;

/** A caller's `Idempotency-Key`, or undefined where it gives none. @throws what `tooLong` gives */
export function readKey(key: Key, tooLong: () => Error): string | undefined {
  if (typeof key !== 'string' || key === '') return undefined;
  if (key.length > KEY_CHARACTERS_MAX) throw tooLong();
  return key;
}

/** The id of a request: by the `Idempotency-Key` in its headers, else a fresh one. @throws what `tooLong` gives */
export function requestId(
  keyRing: KeyRing,
  principal: Principal,
  headers: Readonly<Record<string, Key>>,
  tooLong: () => Error,
): string {
  const key = readKey(headers['idempotency-key'], tooLong);
  return key === undefined ? randomUUID() : idFromIdempotencyKey(keyRing, principal, key);
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
