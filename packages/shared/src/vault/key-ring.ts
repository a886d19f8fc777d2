import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { NONCE_BYTES, open, seal, TAG_BYTES } from './aead.ts';
import { VaultError } from './vault-error.ts';

/** A key-encryption key. The id is stored with everything it wraps and is no secret. */
export interface KeyEncryptionKey {
  /** 1 to 32 letters, digits, `.`, `_` or `-`; never reused for another key. */
  id: string;
  /** 32 random bytes. */
  key: Uint8Array;
}

/** A data key sealed for one record: `version ‖ id length ‖ id ‖ nonce ‖ ciphertext ‖ tag`, 63 to 94 bytes. */
export type WrappedKey = Buffer;

/** What a mac is for. Equal data under different purposes gives unrelated macs. */
export type MacPurpose = string;

/**
 * The keys of an installation: key-encryption keys, of which the first seals and all open, and one index key.
 * The index key is apart because rotation of the others must not change a blind index.
 */
export interface KeyRing {
  /** The id of the key that seals now. */
  readonly activeKeyId: string;
  /** What everything sealed under the active key begins with: rotation looks for what does not. */
  readonly activeHeader: Buffer;
  /** Seals a 32-byte data key for one record. */
  wrap(dataKey: Uint8Array, recordId: string): WrappedKey;
  /** @throws VaultError `unknown-key`, `tampered` (also for the wrapped key of another record) */
  unwrap(wrapped: Uint8Array, recordId: string): Buffer;
  /** The same data key under the active key; the sealed body stays as it is. @throws VaultError as `unwrap` */
  rewrap(wrapped: Uint8Array, recordId: string): WrappedKey;
  /** Which key a wrapped data key or a sealed text needs: rotation looks for those that differ from `activeKeyId`. */
  keyIdOf(sealed: Uint8Array): string;
  /**
   * HMAC-SHA256 under the index key: for the blind index of a CPF and for fingerprints of request bodies.
   * A plain hash of eleven digits is reversed in seconds. Data in several parts are the same data as their joining.
   */
  mac(purpose: MacPurpose, ...data: readonly (string | Uint8Array)[]): Buffer;
  /**
   * Seals a short column, such as a CPF. `context` says where it stands (`subject.cpf:<id>`): the sealed text of
   * another row or column does not open in its place.
   */
  sealText(text: string, context: string): Buffer;
  /** @throws VaultError `unknown-key`, `tampered` */
  openText(sealed: Uint8Array, context: string): string;
  /** The same text under the active key. @throws VaultError as `openText` */
  resealText(sealed: Uint8Array, context: string): Buffer;
}

export const KEY_BYTES = 32;
const VERSION = 1;
const KEY_ID = /^[A-Za-z0-9._-]{1,32}$/;

/** 32 random bytes: a key-encryption key or an index key. */
export function generateKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/**
 * The setting `ATESTO_KEK`: `id:base64,id:base64`, the active key first.
 * @throws TypeError that names the place but no value
 */
export function parseKeyRing(text: string): KeyEncryptionKey[] {
  return text.split(',').map((entry, index) => {
    const at = entry.indexOf(':');
    const id = entry.slice(0, at).trim();
    if (at < 0 || !KEY_ID.test(id)) throw new TypeError(`key ${index + 1} is not of the form id:base64`);
    return { id, key: parseKey(entry.slice(at + 1), `key ${index + 1}`) };
  });
}

/** 32 bytes in base64 or base64url: `ATESTO_INDEX_KEY`. @throws TypeError that does not show the value */
export function parseKey(text: string, what = 'the key'): Buffer {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== KEY_BYTES || !/^[A-Za-z0-9+/_-]{43}=?$/.test(text.trim())) {
    throw new TypeError(`${what} is not ${KEY_BYTES} bytes in base64`);
  }
  return key;
}

/** The inverse of `parseKeyRing`. */
export function formatKeyRing(keys: readonly KeyEncryptionKey[]): string {
  return keys.map(({ id, key }) => `${id}:${Buffer.from(key).toString('base64')}`).join(',');
}

const headerOf = (id: string) => Buffer.concat([Buffer.of(VERSION, id.length), Buffer.from(id, 'latin1')]);

interface Derived {
  id: string;
  wrapping: KeyObject;
  text: KeyObject;
}

/**
 * @param keys the active key first; the others only open
 * @throws TypeError for an empty ring, a doubled id, a key of another length
 */
export function createKeyRing(keys: readonly KeyEncryptionKey[], indexKey: Uint8Array): KeyRing {
  const ring = new Map<string, Derived>();
  for (const { id, key } of keys) {
    if (!KEY_ID.test(id)) throw new TypeError('a key id is 1 to 32 letters, digits, ".", "_" or "-"');
    if (ring.has(id)) throw new TypeError(`the key id ${id} stands in the ring twice`);
    ring.set(id, { id, wrapping: derive(key, 'atesto data key 1'), text: derive(key, 'atesto text 1') });
  }
  const active = ring.values().next().value;
  if (active === undefined) throw new TypeError('a key ring has at least one key');
  const index = derive(indexKey, 'atesto index 1');

  const openWith = (use: 'wrapping' | 'text', sealed: Uint8Array, context: string): Buffer => {
    const id = keyIdOf(sealed);
    const keyOfRecord = ring.get(id);
    if (keyOfRecord === undefined) throw new VaultError('unknown-key', `the key ring has no key ${id}`);
    const header = 2 + id.length;
    const nonce = sealed.subarray(header, header + NONCE_BYTES);
    const aad = bind(sealed.subarray(0, header), context);
    return open(keyOfRecord[use], nonce, aad, sealed.subarray(header + NONCE_BYTES), `sealed with ${id}`);
  };
  const sealWith = (use: 'wrapping' | 'text', plaintext: Uint8Array, context: string): Buffer => {
    const header = headerOf(active.id);
    const nonce = randomBytes(NONCE_BYTES);
    return Buffer.concat([header, nonce, ...seal(active[use], nonce, bind(header, context), [plaintext])]);
  };
  const isCurrent = (sealed: Uint8Array) => keyIdOf(sealed) === active.id;

  return {
    activeKeyId: active.id,
    activeHeader: headerOf(active.id),
    keyIdOf,
    wrap(dataKey, recordId) {
      if (dataKey.length !== KEY_BYTES) throw new TypeError(`a data key has ${KEY_BYTES} bytes`);
      return sealWith('wrapping', dataKey, recordId);
    },
    unwrap: (wrapped, recordId) => openWith('wrapping', wrapped, recordId),
    rewrap(wrapped, recordId) {
      const dataKey = openWith('wrapping', wrapped, recordId);
      if (isCurrent(wrapped)) return Buffer.from(wrapped);
      const renewed = sealWith('wrapping', dataKey, recordId);
      dataKey.fill(0);
      return renewed;
    },
    mac(purpose, ...data) {
      const hmac = createHmac('sha256', index).update(frame(purpose));
      for (const part of data) hmac.update(part);
      return hmac.digest();
    },
    sealText: (text, context) => sealWith('text', Buffer.from(text, 'utf8'), context),
    openText: (sealed, context) => openWith('text', sealed, context).toString('utf8'),
    resealText(sealed, context) {
      const text = openWith('text', sealed, context);
      return isCurrent(sealed) ? Buffer.from(sealed) : sealWith('text', text, context);
    },
  };
}

function keyIdOf(sealed: Uint8Array): string {
  const length = sealed[1] ?? 0;
  const id = Buffer.from(sealed.subarray(2, 2 + length)).toString('latin1');
  if (sealed[0] !== VERSION || !KEY_ID.test(id) || sealed.length < 2 + length + NONCE_BYTES + TAG_BYTES) {
    throw new VaultError('tampered', 'not a sealed value');
  }
  return id;
}

/** One use per key: what is sealed as a text can never be taken for a data key. */
function derive(key: Uint8Array, use: string): KeyObject {
  if (key.length !== KEY_BYTES) throw new TypeError(`a key has ${KEY_BYTES} bytes`);
  const derived = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), use, KEY_BYTES));
  const object = createSecretKey(derived);
  derived.fill(0);
  return object;
}

/** Authenticated data: the header as it stands in the bytes, then what the value belongs to. */
function bind(header: Uint8Array, context: string): Buffer {
  return Buffer.concat([header, Buffer.from(context, 'utf8')]);
}

/** A purpose with its length, so that no purpose is the beginning of another one's data. */
function frame(purpose: string): Buffer {
  const text = Buffer.from(purpose, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
}
