import { randomUUID } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CLOCK_TOLERANCE_MS } from './clock-tolerance.ts';
import { checkCreate } from './idcloud-checks.ts';
import { IdcloudRefusal } from './idcloud-refusal.ts';
import { jpegOf, pngOf, sdkCaptureOf, webpOf } from './pictures.fixture.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const seconds = NOW / 1000;
const SKEW = CLOCK_TOLERANCE_MS / 1000;
const text = (bytes: Buffer) => bytes.toString('base64');
const subject = { code: '52998224725', name: 'Pessoa Virtual' };
const face = text(pngOf(640, 480));
const good = { subject, imageBase64: face };
const document = { purpose: 'onboarding', authProcessId: randomUUID() };
const ids = { referenceProcessId: randomUUID() };

type Key = Parameters<typeof checkCreate>[1];
const key = (capabilities: Key['capabilities'], rest: Partial<Key> = {}): Key => ({
  capabilities,
  edition: 'D',
  sdkOnly: false,
  ...rest,
});
const identity = key(['liveness', 'identity']);
const B = { edition: 'B' } as const;
const documents = key(['documents']);
const validation = key(['liveness', 'validation']);

function check(body: unknown, by: Key = identity) {
  return checkCreate(
    Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    by,
    NOW,
  );
}
function codeOf(body: unknown, by: Key = identity): number | undefined {
  try {
    check(body, by);
    return undefined;
  } catch (error) {
    if (error instanceof IdcloudRefusal) return Number(error.code);
    throw error;
  }
}

describe('takes', () => {
  it.each<[string, unknown, Key?]>([
    ['a landscape picture', good],
    ['a portrait picture', { subject, imageBase64: text(pngOf(480, 640)) }],
    ['a JPEG', { subject, imageBase64: text(jpegOf(640, 480)) }],
    [
      'a JPEG whose writer ended it with a line',
      { subject, imageBase64: text(Buffer.concat([jpegOf(640, 480), Buffer.from('\r\n')])) },
    ],
    ['a WebP', { subject, imageBase64: text(webpOf(640, 480)) }],
    ['the largest picture', { subject, imageBase64: text(pngOf(1920, 1080, { bytes: 800 * 1024 })) }],
    ["the SDK's encrypted face", { subject, imageBase64: 'eyJhbGciOiJSU0EifQ.abc-_1.def.ghi.jkl' }],
    ["the SDK's encrypted face without a key", { subject, imageBase64: 'eyJhbGciOiJkaXIifQ..def.ghi.jkl' }],
    ["the SDK's signed face", { subject, imageBase64: sdkCaptureOf({ exp: seconds + 1 }) }],
    ['one that may be over by our clock alone', { subject, imageBase64: sdkCaptureOf({ exp: seconds - SKEW + 1 }) }],
    [
      "the SDK's face where a key takes no other",
      { subject, imageBase64: sdkCaptureOf({}) },
      key(['liveness'], { sdkOnly: true }),
    ],
    ['fields that no edition names', { ...good, somethingNew: true }],
    ['slashes that a serialiser escaped', JSON.stringify(good).replaceAll('/', '\\/')],
    ['no name in edition D', { subject: { code: subject.code }, imageBase64: face }],
    ['no name for liveness alone', { subject: { code: subject.code }, imageBase64: face }, key(['liveness'], B)],
    ['1:1 of D without a subject', { ...ids, imageBase64: face }, validation],
    [
      '1:1 with references',
      { imageBase64: face, references: [{ referenceType: 'REFERENCE_TYPE_IMAGE_BASE64', referenceContent: face }] },
      validation,
    ],
    [
      'a document to reuse beside a file',
      { subject, document: { ...document, documentId: randomUUID(), files: [{ data: 'AAAA' }] } },
      documents,
    ],
    ['a document to reuse', { subject, document: { ...document, documentId: randomUUID() } }, documents],
    [
      'both sides of a document',
      { subject, document: { ...document, files: [{ data: face }, { data: face }] } },
      documents,
    ],
  ])('%s', (_what, body, by) => expect(codeOf(body, by)).toBeUndefined());
});

describe('refuses', () => {
  const cases: [number, string, unknown, Key?][] = [
    [20003, 'no JSON', '{'],
    [20003, 'an empty body', ''],
    [20003, 'an array', '[]'],
    [20003, 'null', 'null'],
    [20003, 'bytes that are no text', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    [20003, 'a name that stands there twice', `{"imageBase64":"x",${JSON.stringify(good).slice(1)}`],
    [20003, 'a name in two spellings', { ...good, imagebase64: face }],
    [20003, 'a field of the wrong type', { ...good, useCase: 1 }],
    [20003, 'too much beside the picture', { ...good, useCase: 'x'.repeat(65 * 1024) }],
    [20003, 'a name of the wrong type', { ...good, subject: { ...subject, name: 7 } }],
    [20004, 'no subject', { imageBase64: face }],
    [20004, 'a subject that is no object', { ...good, subject: 'x' }],
    [20005, 'no code', { ...good, subject: { name: 'x' } }],
    [20005, '1:1 with an empty subject', { ...ids, imageBase64: face, subject: {} }, validation],
    [20006, 'no name in edition B', { ...good, subject: { code: subject.code } }, key(['liveness', 'identity'], B)],
    [
      20006,
      'a document without a name',
      { subject: { code: subject.code }, document: { ...document, documentId: randomUUID() } },
      documents,
    ],
    [20009, 'no picture', { subject }],
    [20009, 'an empty picture', { ...good, imageBase64: '' }],
    [20507, 'wrong check digits', { ...good, subject: { ...subject, code: '52998224726' } }],
    [20507, 'equal digits', { ...good, subject: { ...subject, code: '11111111111' } }],
    [20507, 'a formatted CPF', { ...good, subject: { ...subject, code: '529.982.247-25' } }],
    [20507, 'a number', { ...good, subject: { ...subject, code: 52998224725 } }],
    [10506, 'a picture where the SDK is demanded', good, key(['liveness'], { sdkOnly: true })],
    [10506, 'a JWT of two parts', { ...good, imageBase64: 'eyJhbGciOiJSU0EifQ.abc' }],
    [10506, 'a JWT without a header', { ...good, imageBase64: 'head.body.sign' }],
    [10506, 'a JWT without a signature', { ...good, imageBase64: 'eyJhbGciOiJub25lIn0.abc.' }],
    [10507, 'a capture that says that it is over', { ...good, imageBase64: sdkCaptureOf({ exp: seconds - SKEW }) }],
    [
      10507,
      'a capture whose ten minutes are over',
      { ...good, imageBase64: sdkCaptureOf({ iat: seconds - 600 - SKEW }) },
    ],
    [20505, 'text', { ...good, imageBase64: text(Buffer.from('<script>')) }],
    [20505, 'a GIF', { ...good, imageBase64: text(Buffer.from('GIF89a\x80\x02\xe0\x01', 'latin1')) }],
    [20505, 'a data URL', { ...good, imageBase64: `data:image/png;base64,${face}` }],
    [20900, 'a picture that is a number', { ...good, imageBase64: 7 }],
    [20900, 'white space inside', { ...good, imageBase64: `${face.slice(0, 40)}\n${face.slice(40)}` }],
    [20900, 'a line end behind', { ...good, imageBase64: `${face}\n` }],
    [20900, 'the URL alphabet', { ...good, imageBase64: urlAlphabet() }],
    [20900, 'a base64 that is cut off', { ...good, imageBase64: face.slice(0, -1) }],
    [
      20900,
      'a PNG and an archive',
      { ...good, imageBase64: text(Buffer.concat([pngOf(640, 480), Buffer.from('PK\x03\x04')])) },
    ],
    [20900, 'a PNG whose head was changed', { ...good, imageBase64: text(changed(pngOf(640, 480), 16)) }],
    [20900, 'a PNG that is cut off', { ...good, imageBase64: text(pngOf(640, 480).subarray(0, -12)) }],
    [
      20900,
      'a JPEG and a page',
      { ...good, imageBase64: text(Buffer.concat([jpegOf(640, 480), Buffer.from('<html>')])) },
    ],
    [20900, 'a JPEG that is cut off', { ...good, imageBase64: text(jpegOf(640, 480).subarray(0, -2)) }],
    [
      20900,
      'a WebP and an archive',
      { ...good, imageBase64: text(Buffer.concat([webpOf(640, 480), deflateRawSync('x')])) },
    ],
    [20900, 'a WebP without a key frame', { ...good, imageBase64: text(changed(webpOf(640, 480), 23)) }],
    [
      20900,
      'a few bytes that claim 3.6 gigapixels',
      { ...good, imageBase64: text(pngOf(60_000, 60_000, { claim: true })) },
    ],
    [20506, 'one byte too many', { subject, imageBase64: text(pngOf(1920, 1080, { bytes: 800 * 1024 + 1 })) }],
    [20506, 'many bytes too many', { subject, imageBase64: 'A'.repeat(2 << 20) }],
    [20807, 'a small picture', { subject, imageBase64: text(pngOf(639, 480)) }],
    [20807, 'a narrow picture', { subject, imageBase64: text(pngOf(1920, 479)) }],
    [20003, '1:1 without anything to compare with', good, validation],
    [
      20505,
      '1:1 with a reference that is no picture',
      { imageBase64: face, references: [{ referenceType: 'REFERENCE_TYPE_IMAGE_BASE64', referenceContent: 'AAAA' }] },
      validation,
    ],
    [
      20003,
      '1:1 with a reference of another type',
      { imageBase64: face, references: [{ referenceType: 'x', referenceContent: face }] },
      validation,
    ],
    [20003, 'a face where the key takes documents', good, documents],
    [
      20003,
      'a document for nothing',
      { subject, document: { ...document, purpose: 'x', files: [{ data: face }] } },
      documents,
    ],
    [
      20003,
      'a document without a proof of the person',
      { subject, document: { purpose: 'fgts', files: [{ data: face }] } },
      documents,
    ],
    [
      20003,
      'a proof that is no id',
      { subject, document: { ...document, authProcessId: 'x', files: [{ data: face }] } },
      documents,
    ],
    [20003, 'neither file nor id', { subject, document }, documents],
    [20003, 'no file in the files', { subject, document: { ...document, files: [] } }, documents],
    [20003, 'three sides', { subject, document: { ...document, files: Array(3).fill({ data: face }) } }, documents],
    [
      20505,
      'a side that is no picture',
      { subject, document: { ...document, files: [{ data: face }, { data: 'AAAA' }] } },
      documents,
    ],
    [
      20807,
      'a side that is too small',
      { subject, document: { ...document, files: [{ data: text(pngOf(320, 200)) }] } },
      documents,
    ],
  ];
  it.each(cases)('with %i: %s', (code, _what, body, by) => expect(codeOf(body, by)).toBe(code));

  it('in the order in which the vendor complains', () => {
    const wrong = key(['liveness', 'identity'], B);
    expect(codeOf({ subject: { code: 'x' }, imageBase64: 'x' }, wrong)).toBe(20006);
    expect(codeOf({ subject: { code: 'x', name: 'x' } }, wrong)).toBe(20009);
    expect(codeOf({ subject: { code: 'x', name: 'x' }, imageBase64: 'a.b' }, wrong)).toBe(20507);
    expect(codeOf({ ...good, imageBase64: 'a.b', useCase: 1 }, wrong)).toBe(10506);
  });
});

it('reads names in any case, and says so', () => {
  const { json, recased, cpf } = check({
    Subject: { Code: subject.code, NAME: 'x' },
    imagebase64: face,
    Mine: { A: 1 },
  });
  expect({ json, recased, cpf }).toEqual({
    json: { subject: { code: subject.code, name: 'x' }, imageBase64: face, Mine: { A: 1 } },
    recased: true,
    cpf: subject.code,
  });
  expect(check(good).recased).toBe(false);
});

describe('what is made to cost', () => {
  const many = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`;
  const cases: [string, number, string][] = [
    ['a hundred thousand names', 20003, many(100_000)],
    ['a hundred thousand numbers', 20003, `{"a":[${'1,'.repeat(100_000)}1]}`],
    ['a hundred thousand levels', 20003, `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['an open text of escapes', 20003, `{"a":"${'\\"'.repeat(500_000)}`],
    ['a text of backslashes', 20003, `{"a":"${'\\'.repeat(1_000_001)}"`],
    ['a megabyte of blanks', 20003, `{${' '.repeat(1_000_000)}}x`],
    [
      'a megabyte that is nearly a capture',
      10506,
      JSON.stringify({ ...good, imageBase64: `${'a'.repeat(1_000_000)}.` }),
    ],
    ['a megabyte of full stops', 10506, JSON.stringify({ ...good, imageBase64: '.'.repeat(1_000_000) })],
    ['a megabyte with blanks in it', 20506, JSON.stringify({ ...good, imageBase64: 'iVBORw0KGgo '.repeat(100_000) })],
    ['a picture of chunks of no length', 20900, JSON.stringify({ ...good, imageBase64: text(emptyChunks()) })],
  ];
  it.each(cases)('%s is refused in less than 100 ms, with little memory', (_what, code, body) => {
    const bytes = Buffer.from(body);
    const before = process.memoryUsage().rss;
    const times = Array.from({ length: 7 }, () => {
      const start = performance.now();
      expect(codeOf(bytes)).toBe(code);
      return performance.now() - start;
    });
    expect(times.sort((a, b) => a - b)[3]).toBeLessThan(100);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 << 20);
  });
});

/** A good picture whose base64 has `-` or `_` in it where the common alphabet has `+` or `/`. */
function urlAlphabet(): string {
  for (let shade = 0; ; shade++) {
    const common = text(pngOf(640, 480, { shade }));
    if (/[+/]/.test(common)) return common.replaceAll('+', '-').replaceAll('/', '_');
  }
}

function changed(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

function emptyChunks(): Buffer {
  const head = pngOf(640, 480).subarray(0, 33);
  const empty = Buffer.alloc(12);
  empty.write('prVt', 4, 'latin1');
  empty.writeUInt32BE(crc32('prVt'), 8);
  const whole = Buffer.alloc(66_000 * empty.length, empty);
  return Buffer.concat([head, whole]);
}
