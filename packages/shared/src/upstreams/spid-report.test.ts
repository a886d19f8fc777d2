import { describe, expect, it } from 'vitest';
import { readReport } from './spid-report.ts';

const pdf = Buffer.from(`%PDF-1.4 ${'x'.repeat(100)} %%EOF`);
const base64 = pdf.toString('base64');

describe('readReport', () => {
  it.each([
    ['raw', pdf],
    ['a bare base64 string', base64],
    ['a quoted base64 string', JSON.stringify(base64)],
    ['an array with one string', JSON.stringify([base64])],
    [
      'parts encoded one by one',
      JSON.stringify([pdf.subarray(0, 10), pdf.subarray(10)].map((p) => p.toString('base64'))),
    ],
    ['slices of one encoding', JSON.stringify([base64.slice(0, 33), base64.slice(33)])],
  ])('reads %s', (_, body) => {
    expect(readReport(Buffer.from(body))).toEqual(pdf);
  });

  it.each([['[]'], ['{}'], ['""'], ['[1,2]'], ['<html>'], [''], ['"bm90IGEgcGRm"'], ['["***"]']])(
    'is undefined for %s',
    (body) => {
      expect(readReport(Buffer.from(body))).toBeUndefined();
    },
  );
});
