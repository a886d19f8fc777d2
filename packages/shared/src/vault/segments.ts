import { type KeyObject, randomBytes } from 'node:crypto';
import { open, seal, TAG_BYTES } from './aead.ts';
import { VaultError } from './vault-error.ts';

/**
 * A body as a row of sealed segments: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015) in the shape that Tink and age use.
 *
 *     header  = "ATS1" ‖ 7 random bytes
 *     segment = AES-256-GCM(key, nonce = 7 random bytes ‖ counter, 32 bit ‖ last, 8 bit, aad = header ‖ record id)
 *
 * Every segment has its own tag, so plaintext leaves only verified while it streams; the counter fixes the order, the
 * last flag the end, the record id the owner. All segments but the last hold 64 KiB; only an empty body has an empty one.
 */
export const SEGMENT_BYTES = 65_536;
export const HEADER_BYTES = 11;
const MAGIC = Buffer.from('ATS1', 'latin1');
const SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES;
const MAX_SEGMENTS = 2 ** 32;

/** Bytes of a body of `plainBytes` once sealed. */
export function sealedLength(plainBytes: number): number {
  return HEADER_BYTES + plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / SEGMENT_BYTES));
}

/**
 * The inverse of `sealedLength`. The length is authentic only once the last segment has been opened.
 * @throws VaultError `tampered` for a size that no body has
 */
export function plainLength(sealedBytes: number): number {
  const body = sealedBytes - HEADER_BYTES;
  const segments = Math.ceil(body / SEALED_SEGMENT_BYTES);
  const plain = body - segments * TAG_BYTES;
  if (!(plain >= 0) || sealedLength(plain) !== sealedBytes) {
    throw new VaultError('tampered', 'the size is not one of a sealed body');
  }
  return plain;
}

/**
 * Seals a body of unknown length from chunks of any size. The chunks that come out are fresh memory and may be kept;
 * those that go in are used until the next one is asked for.
 * @param key of this body alone: a fresh one per call
 */
export async function* sealSegments(
  key: KeyObject,
  recordId: string,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  const header = Buffer.concat([MAGIC, randomBytes(HEADER_BYTES - MAGIC.length)]);
  const { nonce, aad, at } = segmentContext(header, recordId);
  yield header;

  // A full segment waits here until it is known whether another byte follows.
  const pending = Buffer.allocUnsafe(SEGMENT_BYTES);
  let held = 0;
  let counter = 0;
  for await (const chunk of source) {
    let from = 0;
    while (from < chunk.length) {
      if (held === SEGMENT_BYTES) {
        at(counter++, false);
        yield* seal(key, nonce, aad, pending);
        held = 0;
      }
      if (held === 0 && chunk.length - from > SEGMENT_BYTES) {
        // Followed by at least one byte of the same chunk: sealed where it is.
        at(counter++, false);
        yield* seal(key, nonce, aad, chunk.subarray(from, from + SEGMENT_BYTES));
        from += SEGMENT_BYTES;
        continue;
      }
      const part = Math.min(SEGMENT_BYTES - held, chunk.length - from);
      pending.set(chunk.subarray(from, from + part), held);
      held += part;
      from += part;
    }
  }
  at(counter, true);
  yield* seal(key, nonce, aad, pending.subarray(0, held));
  pending.fill(0);
}

/**
 * Opens what `sealSegments` made; each chunk that comes out was verified, is fresh memory and may be kept. The whole
 * is known to be whole only when the generator has ended. What one chunk of the source completes comes out as one: a socket
 * that is written to once costs less than one that is written to for every segment.
 * @param sealedBytes total size of the source
 * @param source chunks of any size; each is used until the next one is asked for
 * @throws VaultError `tampered`
 */
export async function* openSegments(
  key: KeyObject,
  recordId: string,
  sealedBytes: number,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  const plain = plainLength(sealedBytes);
  const segments = Math.max(1, Math.ceil(plain / SEGMENT_BYTES));
  const lastBytes = sealedBytes - HEADER_BYTES - (segments - 1) * SEALED_SEGMENT_BYTES;

  const header = Buffer.alloc(HEADER_BYTES);
  let context: SegmentContext | undefined;
  // Where a segment is gathered that two chunks share.
  let pending: Buffer | undefined;
  let held = 0;
  let counter = 0;
  for await (const chunk of source) {
    const opened: Buffer[] = [];
    let from = 0;
    while (from < chunk.length) {
      if (context === undefined) {
        const part = Math.min(HEADER_BYTES - held, chunk.length - from);
        header.set(chunk.subarray(from, from + part), held);
        held += part;
        from += part;
        if (held < HEADER_BYTES) continue;
        if (!header.subarray(0, MAGIC.length).equals(MAGIC)) throw new VaultError('tampered', 'no sealed body');
        context = segmentContext(header, recordId);
        held = 0;
        continue;
      }
      if (counter === segments) throw new VaultError('tampered', 'bytes after the last segment');
      const wanted = counter === segments - 1 ? lastBytes : SEALED_SEGMENT_BYTES;
      const part = Math.min(wanted - held, chunk.length - from);
      const piece = chunk.subarray(from, from + part);
      from += part;
      let sealed: Uint8Array = piece;
      if (part < wanted) {
        pending ??= Buffer.allocUnsafe(SEALED_SEGMENT_BYTES);
        pending.set(piece, held);
        held += part;
        if (held < wanted) continue;
        sealed = pending.subarray(0, wanted);
        held = 0;
      }
      const { nonce, aad, at } = context;
      at(counter, counter === segments - 1);
      counter++;
      opened.push(open(key, nonce, aad, sealed, `segment ${counter}`));
    }
    const plaintext = opened.length === 1 ? (opened[0] as Buffer) : Buffer.concat(opened);
    if (plaintext.length > 0) yield plaintext;
  }
  if (counter !== segments) throw new VaultError('tampered', 'the body ends early');
}

interface SegmentContext {
  nonce: Buffer;
  aad: Buffer;
  /** Writes counter and last flag into `nonce`, which is one buffer for the whole body. */
  at(counter: number, last: boolean): void;
}

function segmentContext(header: Buffer, recordId: string): SegmentContext {
  const nonce = Buffer.alloc(12);
  header.copy(nonce, 0, MAGIC.length);
  const aad = Buffer.concat([header, Buffer.from(recordId, 'latin1')]);
  const at = (counter: number, last: boolean) => {
    if (counter >= MAX_SEGMENTS) throw new RangeError('a sealed body has at most 2^32 segments');
    nonce.writeUInt32BE(counter, 7);
    nonce[11] = last ? 1 : 0;
  };
  return { nonce, aad, at };
}
