import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyRing, formatKeyRing, generateKey, parseKey, parseKeyRing } from './key-ring.ts';

const RECORD = '01890a5d-ac96-774b-bcce-b302099a8057';
const OTHER = '01890a5d-ac96-774b-bcce-b302099a8058';
const january = { id: '2026-01', key: generateKey() };
const february = { id: '2026-02', key: generateKey() };
const index = generateKey();
const ring = createKeyRing([january], index);

describe('wrap', () => {
  it('gives the data key back for its record, and to nobody else', () => {
    const dataKey = generateKey();
    const wrapped = ring.wrap(dataKey, RECORD);
    expect(ring.unwrap(wrapped, RECORD)).toEqual(dataKey);
    expect(wrapped.includes(dataKey)).toBe(false);
    expect(() => ring.unwrap(wrapped, OTHER)).toThrowError(expect.objectContaining({ kind: 'tampered' }));
    expect(() => createKeyRing([february], index).unwrap(wrapped, RECORD)).toThrowError(
      expect.objectContaining({ kind: 'unknown-key' }),
    );
    const impostor = createKeyRing([{ id: january.id, key: generateKey() }], index);
    expect(() => impostor.unwrap(wrapped, RECORD)).toThrowError(expect.objectContaining({ kind: 'tampered' }));
  });

  it('notices every flipped bit and every missing byte', () => {
    const wrapped = ring.wrap(generateKey(), RECORD);
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const damaged = Buffer.from(wrapped);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      // A changed id may be one that the ring does not have.
      expect(() => ring.unwrap(damaged, RECORD)).toThrowError(
        expect.objectContaining({ kind: expect.stringMatching(/^(tampered|unknown-key)$/) }),
      );
    }
    for (let length = 0; length < wrapped.length; length++) {
      expect(() => ring.unwrap(wrapped.subarray(0, length), RECORD)).toThrowError(
        expect.objectContaining({ kind: 'tampered' }),
      );
    }
  });

  it('never opens arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        expect(() => ring.unwrap(bytes, RECORD)).toThrowError(expect.objectContaining({ name: 'VaultError' }));
      }),
    );
  });
});

describe('rotation', () => {
  const rotated = createKeyRing([february, january], index);

  it('opens what the old key sealed and renews it under the new one', () => {
    const dataKey = generateKey();
    const old = ring.wrap(dataKey, RECORD);
    const renewed = rotated.rewrap(old, RECORD);
    expect([rotated.keyIdOf(old), rotated.keyIdOf(renewed)]).toEqual([january.id, february.id]);
    expect(rotated.activeKeyId).toBe(february.id);
    const retired = createKeyRing([february], index);
    expect(retired.unwrap(renewed, RECORD)).toEqual(dataKey);
    expect(() => retired.unwrap(old, RECORD)).toThrowError(expect.objectContaining({ kind: 'unknown-key' }));
    expect(rotated.rewrap(renewed, RECORD)).toEqual(renewed);
    expect(() => rotated.rewrap(old, OTHER)).toThrowError(expect.objectContaining({ kind: 'tampered' }));
  });

  it('renews texts and leaves macs alone', () => {
    const sealed = ring.sealText('52998224725', 'subject.cpf:1');
    const renewed = rotated.resealText(sealed, 'subject.cpf:1');
    expect(rotated.keyIdOf(renewed)).toBe(february.id);
    expect(createKeyRing([february], index).openText(renewed, 'subject.cpf:1')).toBe('52998224725');
    expect(rotated.mac('cpf', '52998224725')).toEqual(ring.mac('cpf', '52998224725'));
  });
});

describe('sealText', () => {
  it('round-trips any text in its place only, and never twice the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const sealed = ring.sealText(text, 'subject.cpf:1');
        expect(ring.openText(sealed, 'subject.cpf:1')).toBe(text);
        expect(sealed).not.toEqual(ring.sealText(text, 'subject.cpf:1'));
        expect(() => ring.openText(sealed, 'subject.cpf:2')).toThrowError(
          expect.objectContaining({ kind: 'tampered' }),
        );
      }),
    );
  });

  it('is not taken for a data key', () => {
    const sealed = ring.sealText('x'.repeat(32), RECORD);
    expect(() => ring.unwrap(sealed, RECORD)).toThrowError(expect.objectContaining({ kind: 'tampered' }));
  });
});

describe('mac', () => {
  it('depends on purpose, data and index key', () => {
    expect(ring.mac('cpf', '52998224725')).toHaveLength(32);
    expect(ring.mac('cpf', '52998224725')).toEqual(ring.mac('cpf', Buffer.from('52998224725')));
    expect(ring.mac('cpf', '52998224725')).toEqual(ring.mac('cpf', '529', Buffer.from('98224725')));
    const all = [
      ring.mac('cpf', '52998224725'),
      ring.mac('cpf', '52998224726'),
      ring.mac('body', '52998224725'),
      ring.mac('cpf5', '2998224725'),
      createKeyRing([january], generateKey()).mac('cpf', '52998224725'),
    ];
    expect(new Set(all.map((mac) => mac.toString('hex'))).size).toBe(all.length);
  });
});

describe('settings', () => {
  it('parses what it formats', () => {
    const parsed = parseKeyRing(formatKeyRing([january, february]));
    expect(parsed).toEqual([january, february]);
    expect(parseKey(index.toString('base64url'))).toEqual(index);
  });

  it.each([
    ['', /key 1 is not of the form/],
    ['justakey', /key 1 is not of the form/],
    [`a:${generateKey().toString('base64')},b`, /key 2 is not of the form/],
    ['a:c2hvcnQ=', /key 1 is not 32 bytes/],
    [`sp ace:${generateKey().toString('base64')}`, /key 1 is not of the form/],
    [`a:${generateKey().toString('base64')}!!`, /key 1 is not 32 bytes/],
  ])('refuses %s without showing it', (text, message) => {
    expect(() => parseKeyRing(text)).toThrowError(message);
    try {
      parseKeyRing(text);
    } catch (error) {
      for (const secret of text.split(/[:,]/).filter((part) => part.length > 6)) {
        expect(String(error)).not.toContain(secret);
      }
    }
  });

  it('refuses a ring that is empty, doubled or of wrong length', () => {
    expect(() => createKeyRing([], index)).toThrowError(/at least one/);
    expect(() => createKeyRing([january, january], index)).toThrowError(/twice/);
    expect(() => createKeyRing([{ id: 'a', key: Buffer.alloc(16) }], index)).toThrowError(/32 bytes/);
    expect(() => createKeyRing([january], Buffer.alloc(31))).toThrowError(/32 bytes/);
  });
});
