import { describe, expect, it } from 'vitest';
import { checkCreateProcess, IdcloudRefusal } from './idcloud-checks.ts';

/** The head of a PNG, padded to `bytes`: enough for checks that decode nothing. */
function picture(width: number, height: number, bytes = 2_000): string {
  const png = Buffer.alloc(bytes);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(png);
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  return png.toString('base64');
}
const subject = { code: '52998224725', name: 'Pessoa Virtual' };
const good = { subject, imageBase64: picture(640, 480) };

function codeOf(body: unknown): number | undefined {
  try {
    checkCreateProcess(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
    return undefined;
  } catch (error) {
    if (error instanceof IdcloudRefusal) return Number(error.code);
    throw error;
  }
}

describe('checkCreateProcess', () => {
  it.each([
    ['a landscape picture', good],
    ['a portrait picture', { subject, imageBase64: picture(480, 640) }],
    ['the largest picture', { subject, imageBase64: picture(1920, 1080, 800 * 1024) }],
    ["the SDK's encrypted face", { subject, imageBase64: 'eyJhbGciOiJSU0EifQ.abc-_1.def.ghi.jkl' }],
    ['fields that this edition does not name', { ...good, somethingNew: true }],
  ])('accepts %s', (_what, body) => expect(codeOf(body)).toBeUndefined());

  it.each([
    [20003, 'no JSON', '{'],
    [20003, 'an empty body', ''],
    [20003, 'an array', '[]'],
    [20003, 'null', 'null'],
    [20004, 'no subject', { imageBase64: good.imageBase64 }],
    [20004, 'a subject that is no object', { ...good, subject: 'x' }],
    [20005, 'no code', { ...good, subject: { name: 'x' } }],
    [20006, 'no name', { ...good, subject: { code: subject.code } }],
    [20009, 'no picture', { subject }],
    [20507, 'wrong check digits', { ...good, subject: { ...subject, code: '52998224726' } }],
    [20507, 'equal digits', { ...good, subject: { ...subject, code: '11111111111' } }],
    [20507, 'a formatted CPF', { ...good, subject: { ...subject, code: '529.982.247-25' } }],
    [20507, 'a number', { ...good, subject: { ...subject, code: 52998224725 } }],
    [20900, 'a picture that is a number', { ...good, imageBase64: 7 }],
    [20505, 'text', { ...good, imageBase64: Buffer.from('<script>').toString('base64') }],
    [20505, 'a data URL', { ...good, imageBase64: `data:image/png;base64,${good.imageBase64}` }],
    [
      20900,
      'white space inside',
      { ...good, imageBase64: `${good.imageBase64.slice(0, 40)}\n${good.imageBase64.slice(40)}` },
    ],
    [20900, 'a base64 that is cut off', { ...good, imageBase64: good.imageBase64.slice(0, -1) }],
    [20506, 'one byte too many', { subject, imageBase64: picture(1920, 1080, 800 * 1024 + 1) }],
    [20807, 'a small picture', { subject, imageBase64: picture(639, 480) }],
    [20807, 'a narrow picture', { subject, imageBase64: picture(1920, 479) }],
    [20003, 'a field of the wrong type', { ...good, useCase: 1 }],
  ])('refuses with %i: %s', (code, _what, body) => expect(codeOf(body)).toBe(code));

  it('refuses in the order in which the vendor complains', () => {
    expect(codeOf({ subject: { code: 'x' }, imageBase64: 'x' })).toBe(20006);
    expect(codeOf({ subject: { code: 'x', name: 'x' } })).toBe(20009);
  });
});
