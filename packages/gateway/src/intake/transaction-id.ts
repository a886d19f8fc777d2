import type { Principal } from '@atesto/shared/ledger/credentials';
import type { KeyRing } from '@atesto/shared/vault/key-ring';

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
