import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { pathVariables } from '@atesto/shared/contracts/spid-server-params';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { OPERATOR, pictureOf, post, SOMEBODY, startTestGateway } from './gateway.fixture.ts';
import {
  callFace,
  countsOf,
  type FaceCall,
  refusalOf,
  submissionOf,
  targetOf,
  wellFormed,
} from './spid-server-face.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

const submit = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  post(gateway, path, body, { key: gateway.system.key, headers });

const picture = () => pictureOf('x').toString('base64');

describe.each([
  ['enroll', '/gbs-spid-server/people'],
  ['verify', '/gbs-spid-server/verify'],
])('bad input of %s', (_name, path) => {
  const big = () => Buffer.alloc((1 << 20) + 1).toString('base64');
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

type Change = readonly [what: string, call: FaceCall];

const noCpf = ['12345678900', '11111111111', '529.982.247-25', '5299822472', ' 52998224725', 'somebody'];
const noId = ['not an id', 'a/b', '..%2F', 'x'.repeat(129)];
const cpfVariables = new Set(['cpf', 'key', 'document']);
const cpfFields = new Set([
  'userId',
  'operatorId',
  'document',
  'clientID',
  'operatorID',
  'data.clientID',
  'data.operatorID',
]);

/** Every field of a body, as a path to it. */
function fieldsOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return at.length > 0 ? [at] : [];
  return [
    ...(at.length > 0 ? [at] : []),
    ...Object.entries(value).flatMap(([key, one]) => fieldsOf(one, [...at, key])),
  ];
}
/** The body with one field replaced, or taken out. */
function changed(body: unknown, at: readonly string[], value: unknown): unknown {
  const copy = structuredClone(body);
  const holder = at
    .slice(0, -1)
    .reduce<Record<string, unknown>>(
      (one, key) => one[key] as Record<string, unknown>,
      copy as Record<string, unknown>,
    );
  if (Array.isArray(holder)) holder[Number(at.at(-1))] = value;
  else holder[at.at(-1) as string] = value;
  return copy;
}
const wrongTypeOf = (value: unknown) => (typeof value === 'string' ? 7 : typeof value === 'object' ? 'text' : {});
const valueAt = (body: unknown, at: readonly string[]) =>
  at.reduce<unknown>((one, key) => (one as Record<string, unknown>)[key], body);

/** Whatever may be wrong with a call, as its row and its well-formed call tell. */
function badCallsOf(name: SpidServerOperationName): Change[] {
  const row: SpidServerOperation = spidServerOperations[name];
  const good = wellFormed[name]();
  const inPath = pathVariables(row.path).flatMap((variable) =>
    (cpfVariables.has(variable) ? noCpf : variable === 'mot' || variable === 'status' ? ['X', '1'] : noId).map(
      (value): Change => [
        `${variable} in the path: ${value.slice(0, 20)}`,
        { ...good, params: { ...good.params, [variable]: value } },
      ],
    ),
  );
  const inQuery = Object.keys(row.query?.shape ?? {}).flatMap((field): Change[] => [
    ...(cpfFields.has(field) ? noCpf : field === 'data.clientEmail' ? ['nowhere', ''] : []).map(
      (value): Change => [`${field} in the query: ${value}`, { ...good, query: { ...good.query, [field]: value } }],
    ),
    ...(row.query?.shape[field].safeParse(undefined).success
      ? []
      : [[`no ${field} in the query`, { ...good, query: without(good.query ?? {}, field) }] as const]),
  ]);
  return [...inPath, ...inQuery, ...(row.request ? badBodiesOf(row, good) : [])];
}

function without(query: Readonly<Record<string, string>>, field: string): Record<string, string> {
  return Object.fromEntries(Object.entries(query).filter(([key]) => key !== field));
}

function badBodiesOf(row: SpidServerOperation, good: FaceCall): Change[] {
  const isText = typeof good.body === 'string';
  const whole: Change[] = [
    ['no JSON', { ...good, body: '{' }],
    ['another JSON', { ...good, body: isText ? '{"a":1}' : '"text"' }],
    ['a list', { ...good, body: '[]' }],
    ['null', { ...good, body: 'null' }],
    ...(row.requestOptional
      ? []
      : ([
          ['nothing', { ...good, body: '' }],
          ['no body', { ...good, body: undefined }],
        ] as const)),
  ];
  // A token is any object: there is nothing in it to get wrong.
  if (isText || row.requestOptional)
    return [...whole, ...(isText ? ([['an empty text', { ...good, body: '""' }]] as const) : [])];
  const fields = fieldsOf(good.body).flatMap((at): Change[] => {
    const value = valueAt(good.body, at);
    const named = at.join('.');
    const other = (what: string, instead: unknown): Change => [
      `${named}: ${what}`,
      { ...good, body: changed(good.body, at, instead) },
    ];
    return [
      other('another type', wrongTypeOf(value)),
      // Name and value of a key are the only fields of a well-formed call that may be left out.
      ...(/^keys\.\d+\./.test(named) ? [] : [other('missing', undefined)]),
      ...(cpfFields.has(at.at(-1) as string) ? noCpf.map((cpf) => other(cpf, cpf)) : []),
      ...(at.at(-1) === 'clientEmail' ? ['nowhere', ''].map((email) => other(`“${email}”`, email)) : []),
      ...(at.at(-1) === 'content' || at.at(-1) === 'image'
        ? [other('no base64', '#'), other('empty', ''), other('base64 with line breaks', `${value}\n`)]
        : []),
    ];
  });
  return [...whole, ...fields];
}

/** The answer to a body that is only said to come. */
async function announcing(bytes: number, name: SpidServerOperationName, call: FaceCall): Promise<Response> {
  const asked = request(`${gateway.url}${targetOf(name, call)}`, {
    method: spidServerOperations[name].method,
    headers: {
      authorization: `Bearer ${gateway.system.key}`,
      'content-type': 'application/json',
      'content-length': bytes,
    },
  });
  asked.flushHeaders();
  try {
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return new Response(await readText(answer), { status: answer.statusCode ?? 0 });
  } finally {
    asked.destroy();
  }
}

const names = Object.keys(spidServerOperations) as SpidServerOperationName[];
const rows: Readonly<Record<SpidServerOperationName, SpidServerOperation>> = spidServerOperations;
const badCalls = names.map((name) => [name, badCallsOf(name)] as const);

it('only what takes nothing, or any word, has nothing to get wrong', () => {
  const harmless = badCalls.filter(([, calls]) => calls.length === 0).map(([name]) => name);
  const open = names.filter((name) => pathVariables(rows[name].path).length === 0 && !rows[name].request);
  expect(harmless).toEqual(open.filter((name) => !rows[name].query || name === 'getFile'));
});

describe.each(badCalls.filter(([, calls]) => calls.length > 0))('%s', (name, calls) => {
  it('refuses what is wrong in its form: nobody is asked, nothing is kept, no CPF is named', async () => {
    const before = await countsOf(gateway);
    gateway.spid.received.clear();
    for (const [what, call] of calls) {
      const response = await callFace(gateway, name, call);
      const text = await response.clone().text();
      expect(await refusalOf(response), what).toEqual([400, 'VALIDATION_ERROR']);
      expect(text, what).not.toMatch(/\d{10}|529\.982/);
    }
    expect(gateway.spid.received.of()).toEqual([]);
    expect(await countsOf(gateway)).toEqual(before);
  });
});

describe.each(names.filter((name) => rows[name].request))('the body of %s', (name) => {
  it('is refused where it is too large, or no JSON', async () => {
    const before = await countsOf(gateway);
    const good = wellFormed[name]();
    expect(await refusalOf(await announcing((32 << 20) + 1, name, good))).toEqual([413, 'VALIDATION_ERROR']);
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data']) {
      const other = await callFace(gateway, name, good, { headers: { 'content-type': type } });
      expect(await refusalOf(other), type).toEqual([415, 'VALIDATION_ERROR']);
    }
    expect(await countsOf(gateway)).toEqual(before);
  });
});

describe.each(names.filter((name) => rows[name].query))('the query of %s', (name) => {
  it('is refused where a parameter is given twice', async () => {
    const before = await countsOf(gateway);
    const good = wellFormed[name]();
    for (const field of Object.keys(rows[name].query?.shape ?? {})) {
      const twice = `${gateway.url}${targetOf(name, good)}&${field}=${good.query?.[field]}`;
      const headers = { authorization: `Bearer ${gateway.system.key}` };
      const response = await fetch(twice, { method: rows[name].method, headers });
      expect(await refusalOf(response), field).toEqual([400, 'VALIDATION_ERROR']);
    }
    expect(await countsOf(gateway)).toEqual(before);
  });
});

describe('pictures', () => {
  const image = (content: string) => ({ body: { userId: SOMEBODY, operatorId: OPERATOR, image: content } });
  const operatorWith = (change: object) => ({
    body: {
      data: {
        document: SOMEBODY,
        biometrics: [{ index: 6, content: picture(), width: 1, height: 1, resolution: 500, ...change }],
      },
    },
  });
  const text = Buffer.from('no picture at all').toString('base64');
  const large = Buffer.concat([pictureOf('large'), Buffer.alloc(1 << 20)]).toString('base64');
  const cases: [SpidServerOperationName, string, FaceCall][] = [
    ['faceDetect', 'no picture', image(text)],
    ['faceDetect', 'too large', image(large)],
    ['enrollOperator', 'none', { body: { data: { document: SOMEBODY, biometrics: [] } } }],
    ['enrollOperator', 'no picture', operatorWith({ content: text })],
    ['enrollOperator', 'too large', operatorWith({ content: large })],
    ['enrollOperator', 'another width', operatorWith({ width: 2 })],
    ['enrollOperator', 'no resolution', operatorWith({ resolution: 0 })],
    [
      'enrollOperator',
      'too many pixels',
      operatorWith({ content: pictureOf('x', 20_000, 1).toString('base64'), width: 20_000 }),
    ],
  ];
  it.each(cases)('%s: %s', async (name, _what, call) => {
    const before = await countsOf(gateway);
    expect(await refusalOf(await callFace(gateway, name, call))).toEqual([400, 'VALIDATION_ERROR']);
    expect(await countsOf(gateway)).toEqual(before);
  });
});

it('logs nobody', () => {
  expect(gateway.logged()).toContain('storage-failed');
  expect(gateway.logged()).not.toMatch(/52998224725|12345678909/);
});
