import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { pictureOf, post, startTestGateway } from './gateway.fixture.ts';
import { countsOf, refusalOf, submissionOf } from './spid-server-face.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

const submit = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  post(gateway, path, body, { key: gateway.system.key, headers });

describe.each([
  ['enroll', '/gbs-spid-server/people'],
  ['verify', '/gbs-spid-server/verify'],
])('bad input of %s', (_name, path) => {
  const big = () => Buffer.alloc((1 << 20) + 1).toString('base64');
  const picture = () => pictureOf('x').toString('base64');
  const bad: [string, number, () => unknown, Record<string, string>?][] = [
    ['no JSON', 400, () => '{'],
    ['nothing', 400, () => ''],
    ['a list', 400, () => []],
    ['no data', 400, () => ({})],
    ['another type', 415, () => '<a/>', { 'content-type': 'application/xml' }],
    ['plain text', 415, () => submissionOf('x').text, { 'content-type': 'text/plain' }],
    ['more than the limit', 413, () => 'x'.repeat((32 << 20) + 1)],
    ['wrong check digits', 400, () => submissionOf('x', { userId: '12345678900' }).text],
    ['equal digits', 400, () => submissionOf('x', { userId: '11111111111' }).text],
    ['a CPF with punctuation', 400, () => submissionOf('x', { userId: '529.982.247-25' }).text],
    ['an operator who is none', 400, () => submissionOf('x', { operatorId: 'joe' }).text],
    ['no time', 400, () => submissionOf('x', { timestamp: 'now' }).text],
    ['a time of nobody’s', 400, () => submissionOf('x', { timestamp: -1 }).text],
    ['a time that no database holds', 400, () => submissionOf('x', { timestamp: 2 ** 53 - 1 }).text],
    ['no biometrics', 400, () => submissionOf('x', { biometrics: [] }).text],
    ['a finger twice', 400, () => submissionOf('x', { missingBiometrics: [{ index: 6, type: 'A', reason: '' }] }).text],
    ['an index of nothing', 400, () => submissionOf('x', {}, { index: 11 }).text],
    ['an index below', 400, () => submissionOf('x', {}, { index: -1 }).text],
    ['no picture', 400, () => submissionOf('x', {}, { content: 'AAAA' }).text],
    ['an empty picture', 400, () => submissionOf('x', {}, { content: '' }).text],
    ['base64 for URLs', 400, () => submissionOf('x', {}, { content: `${picture().slice(0, -4)}_-_-` }).text],
    ['base64 with line breaks', 400, () => submissionOf('x', {}, { content: `${picture()}\n` }).text],
    ['too large a picture', 400, () => submissionOf('x', {}, { content: big() }).text],
    ['another width', 400, () => submissionOf('x', {}, { width: 2 }).text],
    [
      'too many pixels',
      400,
      () => submissionOf('x', {}, { content: pictureOf('x', 20_000, 1).toString('base64'), width: 20_000 }).text,
    ],
    ['no resolution', 400, () => submissionOf('x', {}, { resolution: 0 }).text],
  ];
  it.each(bad)('%s is refused with %i and leaves nothing', async (_case, status, body, headers) => {
    const before = await countsOf(gateway);
    const response = await submit(path, body(), headers);
    const text = await response.clone().text();
    expect(await refusalOf(response)).toEqual([status, 'VALIDATION_ERROR']);
    expect(text).not.toMatch(/\d{11}|529\.982/);
    expect(await countsOf(gateway)).toEqual(before);
  });

  it('bytes that are no UTF-8 are refused and leave nothing', async () => {
    const before = await countsOf(gateway);
    const bytes = Buffer.from(submissionOf('x', { missingBiometrics: [{ index: 3, type: 'A', reason: '?~' }] }).text);
    bytes[bytes.indexOf('?~')] = 0xff;
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.system.key}`, 'content-type': 'application/json' },
      body: new Uint8Array(bytes),
    });
    expect(await refusalOf(response)).toEqual([400, 'VALIDATION_ERROR']);
    expect(await countsOf(gateway)).toEqual(before);
  });

  it('a vault that is away takes nothing, and says so', async () => {
    const before = await countsOf(gateway);
    const { vault } = gateway.context;
    gateway.context.vault = {
      ...vault,
      put: () => Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' })),
    };
    const response = await submit(path, submissionOf('x').text);
    gateway.context.vault = vault;
    expect(await refusalOf(response)).toEqual([503, 'PROCESSING_ERROR']);
    expect(await countsOf(gateway)).toEqual(before);
  });
});

it('logs nobody', () => {
  expect(gateway.logged()).toContain('storage-failed');
  expect(gateway.logged()).not.toMatch(/52998224725|12345678909/);
});
