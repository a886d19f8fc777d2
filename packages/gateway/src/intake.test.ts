import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { userTransactionRequest } from '@atesto/shared/contracts/spid-server';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import {
  digestOf,
  enrolment,
  OPERATOR,
  pictureOf,
  post,
  postedBody,
  problemOf,
  put,
  SOMEBODY,
  startTestGateway,
  upload,
} from './gateway.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

async function counts() {
  const { rows } = await gateway.context.db.query(
    `select (select count(*)::int from captures) as captures, (select count(*)::int from transactions) as transactions,
       (select count(*)::int from bullmq.job) as jobs`,
  );
  const files = await readdir(gateway.vaultDir, { recursive: true, withFileTypes: true });
  return { ...rows[0], files: files.filter((entry) => entry.isFile()).length };
}

describe('PUT /v1/captures/{id}', () => {
  it('stores a picture, and answers the same bytes again with what stands', async () => {
    const [id, bytes] = [randomUUID(), pictureOf('once')];
    const first = await put(gateway, id, bytes);
    expect(first.status).toBe(201);
    const view = await first.json();
    expect(view).toMatchObject({ id, bytes: bytes.length, width: 1, height: 1 });
    const again = await put(gateway, id, bytes);
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual(view);
  });

  it('stores it once when it comes ten times at once', async () => {
    const [id, bytes] = [randomUUID(), pictureOf('at once')];
    const before = await counts();
    const answers = await Promise.all(Array.from({ length: 10 }, () => put(gateway, id, bytes)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(9);
    expect(await counts()).toMatchObject({ captures: before.captures + 1, files: before.files + 1 });
  });

  const bad: [string, string, () => Promise<Response>][] = [
    [
      'other bytes under a used id',
      'id-conflict',
      async () => put(gateway, await upload(gateway, pictureOf('a')), pictureOf('b')),
    ],
    [
      "somebody else's id",
      'id-conflict',
      async () => {
        const bytes = pictureOf('theirs');
        return put(gateway, await upload(gateway, bytes), bytes, { key: gateway.system.key });
      },
    ],
    [
      'a hash that does not match',
      'digest-mismatch',
      () => put(gateway, randomUUID(), pictureOf('x'), { digest: digestOf(pictureOf('y')) }),
    ],
    ['no hash', 'digest-missing', () => put(gateway, randomUUID(), pictureOf('x'), { digest: undefined })],
    ['a body that is no picture', 'invalid-image', () => put(gateway, randomUUID(), randomBytes(5_000))],
    ['a large body that is no picture', 'invalid-image', () => put(gateway, randomUUID(), Buffer.alloc(500_000))],
    ['an empty body', 'invalid-image', () => put(gateway, randomUUID(), Buffer.alloc(0))],
    [
      'a body over the limit',
      'body-too-large',
      () => put(gateway, randomUUID(), Buffer.concat([pictureOf('x'), Buffer.alloc(1 << 20)])),
    ],
    [
      'a picture with too many pixels',
      'image-too-large',
      () => put(gateway, randomUUID(), pictureOf('x', 60_000, 60_000)),
    ],
    [
      'another content type',
      'unsupported-media-type',
      () => put(gateway, randomUUID(), pictureOf('x'), { type: 'image/gif' }),
    ],
    ['an id that is none', 'invalid-request', () => put(gateway, '..%2f..%2fetc', pictureOf('x'))],
    [
      'an administrator',
      'forbidden',
      () => put(gateway, randomUUID(), pictureOf('x'), { key: gateway.administrator.key }),
    ],
  ];
  it.each(bad)('refuses %s: %s', async (_what, code, send) => {
    // What the request itself uploads before is not counted.
    const response = await send();
    const after = await counts();
    expect(await problemOf(response)).toBe(code);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(after.files).toBe(after.captures);
  });

  it('refuses a body over the limit that comes in chunks without a length', async () => {
    const response = await fetch(`${gateway.url}/v1/captures/${randomUUID()}`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${gateway.station.key}`,
        'content-type': 'image/png',
        'content-digest': digestOf(Buffer.alloc(0)),
      },
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(pictureOf('x')));
          for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(100_000));
          controller.close();
        },
      }),
      duplex: 'half',
    } as RequestInit);
    expect(await problemOf(response)).toBe('body-too-large');
  });
});

describe('POST /v1/transactions', () => {
  it('puts the body into the vault as it will be posted, and the pictures out of it', async () => {
    const bytes = pictureOf('as it will be posted');
    const request = await enrolment(gateway, 'as it will be posted');
    const before = await counts();
    const response = await post(gateway, '/v1/transactions', request);
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({
      id: request.id,
      state: 'accepted',
      attempt: 0,
      station: gateway.station.id,
    });
    const row = await getTransaction(gateway.context.db, request.id);
    expect(row).toBeDefined();
    expect(userTransactionRequest.parse(JSON.parse(await postedBody(gateway, request.id)))).toEqual({
      data: {
        biometrics: [{ index: 6, content: bytes.toString('base64'), width: 1, height: 1, resolution: 500 }],
        missingBiometrics: [],
        userId: SOMEBODY,
        operatorId: OPERATOR,
        timestamp: request.capturedAt,
      },
    });
    expect(await counts()).toMatchObject({
      transactions: before.transactions + 1,
      jobs: before.jobs + 1,
      files: before.files,
    });
  });

  it('takes ids in upper case for the same as in lower case', async () => {
    const capture = randomUUID();
    const bytes = pictureOf('upper case');
    expect((await put(gateway, capture.toUpperCase(), bytes)).status).toBe(201);
    expect((await put(gateway, capture, bytes)).status).toBe(200);
    const request = await enrolment(gateway, 'also there');
    request.biometrics = [{ index: 6, capture: capture.toUpperCase() }];
    const first = await post(gateway, '/v1/transactions', { ...request, id: request.id.toUpperCase() });
    expect(first.status).toBe(201);
    expect(await first.json()).toMatchObject({ id: request.id });
    expect(await postedBody(gateway, request.id)).toContain(bytes.toString('base64'));
    const again = await post(gateway, '/v1/transactions', { ...request, biometrics: [{ index: 6, capture }] });
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ id: request.id });
  });

  it('answers a repeated request with what stands, and queues nothing again', async () => {
    const request = await enrolment(gateway, 'repeated');
    const first = await post(gateway, '/v1/transactions', request);
    const between = await counts();
    const again = await post(gateway, '/v1/transactions', request);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(await again.text()).toEqual(await first.text());
    expect(await counts()).toEqual(between);
  });

  it('tells every caller of the same request the same, however many come at once', async () => {
    const request = await enrolment(gateway, 'all at once');
    const answers = await Promise.all(Array.from({ length: 40 }, () => post(gateway, '/v1/transactions', request)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(39).fill(200), 201]);
    for (const answer of answers) expect(await answer.json()).toMatchObject({ id: request.id });
  });

  it('remembers a request by its Idempotency-Key, for each caller apart', async () => {
    const { id: _id, ...mine } = await enrolment(gateway, 'keyed');
    const headers = { 'idempotency-key': 'order-17' };
    const first = (await (await post(gateway, '/v1/transactions', mine, { headers })).json()) as { id: string };
    const again = (await (await post(gateway, '/v1/transactions', mine, { headers })).json()) as { id: string };
    expect(again.id).toBe(first.id);
    const capture = await upload(gateway, pictureOf('theirs'), gateway.system.key);
    const theirs = { ...mine, biometrics: [{ index: 6, capture }] };
    const other = await post(gateway, '/v1/transactions', theirs, { headers, key: gateway.system.key });
    expect(other.status).toBe(201);
    expect(await other.json()).not.toMatchObject({ id: first.id });
    const changed = { ...mine, capturedAt: mine.capturedAt + 1 };
    expect(await problemOf(await post(gateway, '/v1/transactions', changed, { headers }))).toBe('id-conflict');
  });

  const bad: [string, string, (request: Awaited<ReturnType<typeof enrolment>>) => unknown][] = [
    ['an invalid CPF', 'invalid-cpf', (r) => ({ ...r, subject: { cpf: '52998224726' } })],
    ["an operator's invalid CPF", 'invalid-cpf', (r) => ({ ...r, operator: { ...r.operator, cpf: '11111111111' } })],
    [
      'a capture that nobody uploaded',
      'unknown-capture',
      (r) => ({ ...r, biometrics: [{ index: 6, capture: randomUUID() }] }),
    ],
    ['a finger twice', 'duplicate-finger', (r) => ({ ...r, biometrics: [...r.biometrics, ...r.biometrics] })],
    [
      'a finger both there and missing',
      'duplicate-finger',
      (r) => ({ ...r, missingBiometrics: [{ index: 6, type: 'AMPUTATED', reason: 'x' }] }),
    ],
    [
      'a finger that does not exist',
      'invalid-request',
      (r) => ({ ...r, biometrics: [{ ...r.biometrics[0], index: 11 }] }),
    ],
    ['no fingers', 'invalid-request', (r) => ({ ...r, biometrics: [] })],
    ['another kind', 'invalid-request', (r) => ({ ...r, kind: 'spid.delete' })],
    ['a missing operator', 'invalid-request', ({ operator: _operator, ...r }) => r],
    ['an id that is none', 'invalid-request', (r) => ({ ...r, id: 'x' })],
    ['a time that no calendar has', 'invalid-request', (r) => ({ ...r, capturedAt: Number.MAX_SAFE_INTEGER })],
    ['no JSON', 'invalid-request', () => '{'],
    ['a body over the limit', 'body-too-large', (r) => ({ ...r, padding: 'x'.repeat(70_000) })],
  ];
  it.each(bad)('refuses %s: %s', async (_what, code, change) => {
    const request = await enrolment(gateway, 'refused');
    const before = await counts();
    const response = await post(gateway, '/v1/transactions', change(request));
    const text = await response.clone().text();
    expect(await problemOf(response)).toBe(code);
    expect(text).not.toMatch(/\d{11}/);
    expect(await counts()).toEqual(before);
  });

  it('refuses a capture that went into another transaction, or belongs to somebody else', async () => {
    const request = await enrolment(gateway, 'spent');
    await post(gateway, '/v1/transactions', request);
    expect(await problemOf(await post(gateway, '/v1/transactions', { ...request, id: randomUUID() }))).toBe(
      'capture-spent',
    );
    const theirs = await enrolment(gateway, 'theirs');
    expect(await problemOf(await post(gateway, '/v1/transactions', theirs, { key: gateway.system.key }))).toBe(
      'unknown-capture',
    );
  });

  it('refuses other content under a used id, and gives nothing of it away', async () => {
    const request = await enrolment(gateway, 'mine');
    await post(gateway, '/v1/transactions', request);
    const other = { ...(await enrolment(gateway, 'other')), id: request.id };
    expect(await problemOf(await post(gateway, '/v1/transactions', other))).toBe('id-conflict');
  });

  it('accepts while the queue is away: the sweep makes up for it', async () => {
    const { enqueue } = gateway.context;
    gateway.context.enqueue = async () => {};
    const request = await enrolment(gateway, 'queue away');
    expect((await post(gateway, '/v1/transactions', request)).status).toBe(201);
    gateway.context.enqueue = enqueue;
    expect((await getTransaction(gateway.context.db, request.id))?.dueAt).toBeInstanceOf(Date);
  });
});

it('keeps pictures and CPFs out of everything but the vault and sealed columns', async () => {
  const marker = 'the-marker-of-a-picture';
  await post(gateway, '/v1/transactions', await enrolment(gateway, marker));
  const { rows } = await gateway.context.db.query(
    `select table_schema, table_name from information_schema.tables where table_schema in ('public', 'bullmq') and table_type = 'BASE TABLE'`,
  );
  // Where it stands in a picture decides how base64 cuts it: each way, without the groups that its neighbours share.
  const encoded = [0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + marker)
      .toString('base64')
      .slice(4, 28),
  );
  expect(encoded.some((text) => pictureOf(marker).toString('base64').includes(text))).toBe(true);
  const secrets = [marker, ...encoded, SOMEBODY, OPERATOR];
  for (const { table_schema, table_name } of rows) {
    const dump = await gateway.context.db.query(`select t::text as row from "${table_schema}"."${table_name}" t`);
    for (const secret of secrets) expect(JSON.stringify(dump.rows).includes(secret), `${table_name}`).toBe(false);
  }
  for (const file of await readdir(gateway.vaultDir, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = await readFile(path.join(file.parentPath, file.name));
    for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
  }
  const metrics = await (
    await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.administrator.key}` } })
  ).text();
  for (const secret of [...secrets, gateway.station.key]) {
    expect(gateway.logged().includes(secret)).toBe(false);
    expect(metrics.includes(secret)).toBe(false);
  }
});
