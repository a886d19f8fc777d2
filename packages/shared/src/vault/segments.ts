import { type KeyObject, randomBytes } from 'node:crypto';
import { open, seal, TAG_BYTES } from './aead.ts';
import { letGo } from './let-go.ts';
import { VaultError } from './vault-error.ts';

/**
 * A body as a row of sealed segments: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015) in the shape that Tink and age use.
 *
 *     header  = "ATS2" ‖ 7 random bytes
 *     segment = AES-256-GCM(key, nonce = 7 random bytes ‖ counter, 32 bit ‖ last, 8 bit, aad = header ‖ record id)
 *
 * Every segment has its own tag, so plaintext leaves only verified while it streams; the counter fixes the order, the
 * last flag the end, the record id the owner. All segments but the last hold 512 KiB; only an empty body has an empty one. So a
 * capture is one segment: one cipher, one piece of memory, one write to the socket. Smaller ones cost more at each of these.
 */
export const SEGMENT_BYTES = 524_288;
export const HEADER_BYTES = 11;
const MAGIC = Buffer.from('ATS2', 'latin1');
const SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES;
const MAX_SEGMENTS = 2 ** 32;

/** Bytes of a body of `plainBytes` once sealed. */
export function sealedLength(plainBytes: number): number {
  return HEADER_BYTES + plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / SEGMENT_BYTES));
}

/**
 * Seals a body of unknown length from chunks of any size. Nothing is copied: they have to stay as they are until they are sealed, and large ones are let go of
 * then. The chunks that come out are fresh memory, and whoever takes them may let them go.
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
  let held: Uint8Array[] = [];
  let bytes = 0;
  let counter = 0;
  const sealHeld = () => {
    const sealed = seal(key, nonce, aad, held);
    held.forEach(letGo);
    held = [];
    return sealed;
  };
  for await (const chunk of source) {
    let rest = chunk;
    while (bytes + rest.length > SEGMENT_BYTES) {
      held.push(rest.subarray(0, SEGMENT_BYTES - bytes));
      rest = rest.subarray(SEGMENT_BYTES - bytes);
      at(counter++, false);
      yield* sealHeld();
      bytes = 0;
    }
    if (rest.length > 0) held.push(rest);
    bytes += rest.length;
  }
  at(counter, true);
  yield* sealHeld();
}

/**
 * Opens what `sealSegments` made. Each chunk that comes out was verified, and is good until the next one is asked for: a socket is done with
 * a large one by then, since it is not less than its high-water mark (64 KiB, as undici sets it). The last one comes when
 * all is known to be whole.
 * @param bytes length of the plaintext
 * @param source chunks of any size; each is used until the next one is asked for
 * @throws VaultError `tampered`
 */
export async function* openSegments(
  key: KeyObject,
  recordId: string,
  bytes: number,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  const segments = Math.max(1, Math.ceil(bytes / SEGMENT_BYTES));
  const lastBytes = bytes - (segments - 1) * SEGMENT_BYTES + TAG_BYTES;

  const header = Buffer.alloc(HEADER_BYTES);
  let context: SegmentContext | undefined;
  // Where a segment is gathered that two chunks share.
  let pending: Buffer | undefined;
  let held = 0;
  let counter = 0;
  let last: Buffer | undefined;
  for await (const chunk of source) {
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
      const plaintext = open(key, nonce, aad, sealed, `segment ${counter}`);
      if (counter === segments) {
        last = plaintext;
      } else {
        yield plaintext;
        letGo(plaintext);
      }
    }
  }
  if (last === undefined) throw new VaultError('tampered', 'the body ends early');
  if (last.length === 0) return;
  yield last;
  letGo(last);
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
