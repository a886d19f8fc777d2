import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPERATOR, SOMEBODY } from '../gateway.fixture.ts';
import { submissionOf } from '../spid-server-face.fixture.ts';
import { checkSubmission, SpidRefusal } from './spid-submission.ts';

const limits = { captureBytesMax: 1 << 20, imageSideMax: 10_000 };
const read = (body: Uint8Array) => {
  try {
    return checkSubmission(Buffer.from(body), limits);
  } catch (error) {
    if (!(error instanceof SpidRefusal)) throw error;
    return error;
  }
};

describe('checkSubmission', () => {
  it('tells who is submitted, by whom and when', () => {
    const { text, json } = submissionOf('good');
    const { timestamp } = json.data;
    expect(read(Buffer.from(text))).toEqual({ userId: SOMEBODY, operatorId: OPERATOR, timestamp });
  });

  it('names what is wrong, and at most twenty things', () => {
    const { text } = submissionOf('many', { biometrics: Array(50).fill({}), userId: SOMEBODY.slice(1) });
    const refusal = read(Buffer.from(text)) as SpidRefusal;
    expect(refusal.messages).toHaveLength(20);
    expect(refusal.messages[0]).toBe('data.biometrics.0.index: invalid_type');
  });

  it('passes or refuses any bytes, and quotes none of them', () => {
    const good = Buffer.from(submissionOf('fuzzed').text);
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(good.length), (changes, length) => {
        const bytes = Buffer.from(good.subarray(0, length % 3 === 0 ? length : good.length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const result = read(bytes);
        if (!(result instanceof SpidRefusal)) return;
        expect(result.status).toBe(400);
        expect(result.messages.join()).not.toMatch(/\d{9}/);
      }),
    );
  });
});
