import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from './base64.ts';

describe('encodeBase64', () => {
  it.each([0, 1, 2, 3, 49_151, 49_152, 49_153, 98_305, 300_000])('is what Node writes, of %i bytes', (length) => {
    const bytes = randomBytes(length);
    expect(encodeBase64(bytes).toString('latin1')).toBe(bytes.toString('base64'));
  });
});

describe('decodeBase64', () => {
  const bytes = randomBytes(300);
  const text = bytes.toString('base64');

  it('gives the bytes', () => {
    expect(decodeBase64(text)).toEqual(bytes);
    expect(decodeBase64('')).toEqual(Buffer.alloc(0));
  });

  it.each([1, 49_151, 49_152, 49_153, 300_000])('gives %i of them, and refuses what differs anywhere', (length) => {
    const long = randomBytes(length);
    const right = long.toString('base64');
    expect(decodeBase64(right)?.equals(long)).toBe(true);
    for (const at of [0, Math.floor(right.length / 2), right.length - 1]) {
      expect(decodeBase64(`${right.slice(0, at)}*${right.slice(at + 1)}`)).toBeUndefined();
      expect(decodeBase64(`${right.slice(0, at)}\n${right.slice(at)}`)).toBeUndefined();
    }
    expect(decodeBase64(`${right}=`)).toBeUndefined();
  });

  it.each([
    ['a character that is none of its alphabet', `*${text}`],
    ['white space', `${text.slice(0, 76)}\n${text.slice(76)}`],
    ['the alphabet of URLs', '-_-_'],
    ['no padding', 'AA'],
    ['padding within', 'AA==AA=='],
    ['bits that nobody reads', 'AB=='],
    ['a character whose low byte is a letter', 'AAA\u0141'],
  ])('refuses %s', (_what, wrong) => {
    expect(decodeBase64(wrong)).toBeUndefined();
  });
});
