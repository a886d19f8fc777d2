import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_BYTES, openSegments, SEGMENT_BYTES, sealedLength, sealSegments } from './segments.ts';

const RECORD = '01890a5d-ac96-774b-bcce-b302099a8057';
const OTHER = '01890a5d-ac96-774b-bcce-b302099a8058';
const key = createSecretKey(randomBytes(32));
const S = SEGMENT_BYTES;
const SEALED = S + 16;
const tampered = expect.objectContaining({ name: 'VaultError', kind: 'tampered' });

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  // Copied: a chunk is good until the next one is asked for.
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Cuts bytes into chunks of the given sizes, over and over; each lies in the same memory, as a store may do it. */
function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  const memory = Buffer.alloc(Math.max(...sizes, 1));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    const piece = bytes.subarray(at, at + size);
    memory.set(piece);
    yield memory.subarray(0, piece.length);
    at += size;
  }
}

/** Chunks that are kept until all is sealed. */
const sealAll = (plain: Uint8Array, sizes = [plain.length || 1]) =>
  gather(
    sealSegments(
      key,
      RECORD,
      Array.from(cut(plain, sizes), (chunk) => Buffer.from(chunk)),
    ),
  );
const openAll = (sealed: Uint8Array, bytes: number, sizes = [sealed.length || 1], recordId = RECORD, by = key) =>
  gather(openSegments(by, recordId, bytes, cut(sealed, sizes)));

const borders = [0, 1, 15, 16, 17, S - 1, S, S + 1, 2 * S - 1, 2 * S, 2 * S + 1, 3 * S];
const chunkSizes = fc.array(
  fc.oneof(fc.constantFrom(S - 1, S, S + 1, SEALED, HEADER_BYTES + SEALED), fc.integer({ min: 1_000, max: 3 * S })),
  {
    minLength: 1,
    maxLength: 4,
  },
);

describe('a sealed body', () => {
  it.each(borders)('of %i bytes round-trips and has the computed length', async (size) => {
    const plain = randomBytes(size);
    const sealed = await sealAll(plain);
    expect(sealed.length).toBe(sealedLength(size));
    expect((await openAll(sealed, size)).equals(plain)).toBe(true);
  });

  it('round-trips for every size, however it is cut on either side', async () => {
    const sizes = fc.oneof(fc.constantFrom(...borders), fc.integer({ min: 0, max: 4 * S }));
    await fc.assert(
      fc.asyncProperty(sizes, chunkSizes, chunkSizes, async (size, cutIn, cutOut) => {
        const plain = randomBytes(size);
        const sealed = await sealAll(plain, cutIn);
        expect(sealed.length).toBe(sealedLength(size));
        expect((await openAll(sealed, size, cutOut)).equals(plain)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('passes single bytes and empty chunks', async () => {
    const plain = randomBytes(300);
    expect(await openAll(await sealAll(plain, [1]), plain.length, [1])).toEqual(plain);
    const gaps = [Buffer.alloc(0), plain, Buffer.alloc(0)];
    expect(await openAll(await gather(sealSegments(key, RECORD, gaps)), plain.length)).toEqual(plain);
  });

  it('gives the memory of a large chunk back when the next one is asked for', async () => {
    const chunks = openSegments(key, RECORD, 2 * S, [await sealAll(randomBytes(2 * S))]);
    const [first, second] = [await chunks.next(), await chunks.next()];
    expect([first.value?.length, second.value?.length, (await chunks.next()).done]).toEqual([0, S, true]);
    expect(second.value).toHaveLength(0);
  });

  it('is different each time', async () => {
    const plain = randomBytes(100);
    expect((await sealAll(plain)).equals(await sealAll(plain))).toBe(false);
  });
});

describe('damage', () => {
  const plain = randomBytes(2 * S + 100);

  it('a flipped bit of any class of position is noticed, and nothing of its segment comes out', async () => {
    const sealed = await sealAll(plain);
    const places: [string, number, number][] = [
      ['magic', 0, 0],
      ['nonce prefix', 4, 0],
      ['last byte of the header', HEADER_BYTES - 1, 0],
      ['first byte of the first segment', HEADER_BYTES, 0],
      ['last byte of the first segment', HEADER_BYTES + S - 1, 0],
      ['tag of the first segment', HEADER_BYTES + S, 0],
      ['last byte of that tag', HEADER_BYTES + SEALED - 1, 0],
      ['middle segment', HEADER_BYTES + SEALED + 1234, S],
      ['tag of the middle segment', HEADER_BYTES + 2 * SEALED - 5, S],
      ['last segment', HEADER_BYTES + 2 * SEALED + 50, 2 * S],
      ['last byte of all', sealed.length - 1, 2 * S],
    ];
    for (const [where, position, released] of places) {
      const damaged = Buffer.from(sealed);
      damaged[position] = (damaged[position] as number) ^ 0x10;
      const ends = [HEADER_BYTES + SEALED, HEADER_BYTES + 2 * SEALED, damaged.length];
      const chunks = ends.map((end, i) => damaged.subarray(ends[i - 1] ?? 0, end));
      let out = 0;
      const reading = (async () => {
        for await (const chunk of openSegments(key, RECORD, plain.length, chunks)) out += chunk.length;
      })();
      await expect(reading, where).rejects.toThrowError(tampered);
      expect(out, where).toBe(released);
    }
  });

  it('any flipped bit of a small body is noticed', async () => {
    const sealed = await sealAll(randomBytes(20));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const damaged = Buffer.from(sealed);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      await expect(openAll(damaged, 20)).rejects.toThrowError(tampered);
    }
  });

  it('truncation is noticed, at segment borders too', async () => {
    const sealed = await sealAll(plain);
    const cuts = [0, 5, HEADER_BYTES, HEADER_BYTES + 16, HEADER_BYTES + 500, HEADER_BYTES + SEALED - 1];
    cuts.push(HEADER_BYTES + SEALED, HEADER_BYTES + 2 * SEALED, sealed.length - 1);
    for (const length of cuts) {
      await expect(openAll(sealed.subarray(0, length), plain.length), `cut to ${length}`).rejects.toThrowError(
        tampered,
      );
    }
  });

  it('another length than the ledger’s is noticed', async () => {
    const sealed = await sealAll(plain);
    for (const bytes of [0, 1, S, 2 * S, 2 * S + 1, plain.length - 1, plain.length + 1, 3 * S, 4 * S]) {
      await expect(openAll(sealed, bytes), `${bytes} bytes`).rejects.toThrowError(tampered);
    }
  });

  it('additional bytes and segments are noticed', async () => {
    const sealed = await sealAll(plain);
    const more = Buffer.concat([sealed, Buffer.from('x')]);
    await expect(openAll(more, plain.length)).rejects.toThrowError(tampered);
    await expect(openAll(more, plain.length + 1)).rejects.toThrowError(tampered);
    const repeated = Buffer.concat([sealed, sealed.subarray(HEADER_BYTES + 2 * SEALED)]);
    await expect(openAll(repeated, plain.length)).rejects.toThrowError(tampered);
  });

  it('reordered, exchanged and repeated segments are noticed', async () => {
    const even = randomBytes(3 * S);
    const sealed = await sealAll(even);
    const part = (index: number) => sealed.subarray(HEADER_BYTES + index * SEALED, HEADER_BYTES + (index + 1) * SEALED);
    const header = sealed.subarray(0, HEADER_BYTES);
    for (const order of [
      [1, 0, 2],
      [0, 0, 2],
      [0, 2, 1],
      [2, 1, 0],
      [0, 1, 1],
    ]) {
      await expect(
        openAll(Buffer.concat([header, ...order.map(part)]), even.length),
        order.join(),
      ).rejects.toThrowError(tampered);
    }
    const again = await sealAll(even);
    const mixed = Buffer.concat([header, again.subarray(HEADER_BYTES, HEADER_BYTES + SEALED), part(1), part(2)]);
    await expect(openAll(mixed, even.length)).rejects.toThrowError(tampered);
  });

  it('does not open as another record or with another key', async () => {
    const sealed = await sealAll(plain);
    await expect(openAll(sealed, plain.length, [S], OTHER)).rejects.toThrowError(tampered);
    await expect(openAll(sealed, plain.length, [S], RECORD, createSecretKey(randomBytes(32)))).rejects.toThrowError(
      tampered,
    );
  });

  it('arbitrary bytes never open', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), async (bytes, length) => {
        await expect(openAll(bytes, length)).rejects.toThrowError(tampered);
      }),
    );
  });
});
