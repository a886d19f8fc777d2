import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inCamelCase } from './any-case.ts';
import { parseBoundedObject } from './bounded-json.ts';

const small = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8 });
const own = (value: object) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>;

describe('parseBoundedObject', () => {
  it('reads what JSON.parse reads, with blanks and escapes of any kind', () => {
    fc.assert(
      fc.property(small, fc.nat(4), fc.boolean(), (value, blanks, escaped) => {
        const text = JSON.stringify(value, undefined, blanks);
        const written = escaped ? text.replaceAll('/', '\\/') : text;
        expect(parseBoundedObject(Buffer.from(written))).toEqual(own(value));
      }),
    );
  });

  it('survives any bytes, and agrees with JSON.parse on what is none', () => {
    const pieces = fc.array(fc.constantFrom(...'{}[]:,"\\\'0aé \n'), { maxLength: 40 });
    fc.assert(
      fc.property(pieces, (text) => {
        const read = parseBoundedObject(Buffer.from(text.join('')));
        if (read !== undefined) expect(read).toEqual(JSON.parse(text.join('')));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['twice', '{"a":1,"a":2}'],
    ['twice further in', '{"x":[{"a":1,"a":1}]}'],
    ['twice by an escape', '{"a":1,"\\u0061":2}'],
  ])('refuses a name that stands there %s', (_what, text) =>
    expect(parseBoundedObject(Buffer.from(text))).toBeUndefined(),
  );

  it('takes no name for an object’s own', () => {
    const read = parseBoundedObject(Buffer.from('{"__proto__":{"code":"x"}}'));
    expect(Object.keys(read ?? {})).toEqual(['__proto__']);
    const cased = inCamelCase(read)?.value as { code?: string };
    expect([Object.keys(cased), cased.code]).toEqual([['__proto__'], undefined]);
  });
});

describe('inCamelCase', () => {
  it('changes no value, and nothing at all in what is so already', () => {
    fc.assert(
      fc.property(small, (value) => {
        const once = inCamelCase(own(value));
        if (!once) return;
        expect(inCamelCase(once.value)).toEqual({ value: once.value, changed: false });
        if (!once.changed) expect(once.value).toEqual(own(value));
      }),
    );
  });
});
