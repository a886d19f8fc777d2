import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idcloudOperations } from '../../packages/shared/src/contracts/idcloud-client.ts';
import { createIdcloudClient, type IdcloudClient } from '../../packages/shared/src/upstreams/idcloud-client.ts';
import type { SubmitResult, UpstreamBody } from '../../packages/shared/src/upstreams/upstream.ts';
import type { BehaviourRequest } from '../simulators/src/behaviour.ts';
import { type CourseName, nonexistentCpf, testCpfs } from '../simulators/src/idcloud/outcomes.ts';
import {
  createIdcloudSimulator,
  type IdcloudSimulator,
  type IdcloudSimulatorOptions,
} from '../simulators/src/idcloud/simulator.ts';
import { encodePng } from '../simulators/src/spid-server/biometrics.ts';

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});
const account = 'atesto';
const tenantId = '0f5a5a4e-7a4e-4f5a-9d0e-3f6f1f7a1c11';
const somebody = '12345678909';
const picture = (width: number, height: number) =>
  Buffer.from(encodePng({ width, height, pixels: new Uint8Array(width * height), dpiX: 72, dpiY: 72 })).toString(
    'base64',
  );
const portrait = picture(480, 640);

let simulator: IdcloudSimulator;
let client: IdcloudClient;
let clock: number;

function connect(
  changes: { apiKey?: string; account?: string; tenantId?: string; submitMs?: number } = {},
): IdcloudClient {
  return createIdcloudClient({
    url: simulator.url,
    apiKey: changes.apiKey ?? 'key',
    token: {
      tokenUrl: simulator.tokenUrl,
      account: changes.account ?? account,
      tenantId: changes.tenantId ?? tenantId,
      privateKey: keys.privateKey,
    },
    timeouts: { submitMs: changes.submitMs ?? 5_000, readMs: 5_000 },
    now: () => clock,
  });
}

async function start(options: Partial<IdcloudSimulatorOptions> = {}, submitMs = 5_000): Promise<void> {
  const fixed = { account, tenantId, publicKey: keys.publicKey, apiKeys: ['key'], now: () => clock };
  simulator = createIdcloudSimulator({ ...fixed, requestsPerSecond: 0, ...options });
  await simulator.listen();
  client = connect({ submitMs });
}

async function stop(): Promise<void> {
  await client.close();
  await simulator.close();
}

function request(code = somebody, imageBase64: string = portrait): object {
  return { subject: { code, name: 'Luke Skywalker' }, useCase: 'Onboarding', imageBase64 };
}

function bodyOf(value: unknown): UpstreamBody {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return {
    length: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

const create = (value: unknown = request()): Promise<SubmitResult> => client.submit('idcloud.process', bodyOf(value));
const read = (id: string) => client.result('idcloud.process', id);

beforeEach(async () => {
  clock = Date.parse('2026-11-22T12:00:00Z');
  await start();
});
afterEach(stop);

describe('create and read', () => {
  const final: [CourseName, verdict: string, answer: object][] = [
    ['yes', 'completed', { status: 3, unicoId: { result: 'yes' } }],
    ['no', 'completed', { status: 3, unicoId: { result: 'no' } }],
    ['inconclusive-live', 'completed', { status: 3, unicoId: { result: 'inconclusive' }, liveness: 1 }],
    ['inconclusive-not-live', 'completed', { status: 3, unicoId: { result: 'inconclusive' }, liveness: 2 }],
    ['cancelled', 'failed', { status: 4 }],
    ['error', 'failed', { status: 5 }],
  ];
  it.each(final)('%s is settled at once and reads the same', async (course, verdict, answer) => {
    const result = await create(request(testCpfs[course]));
    const [process] = simulator.processes.all();
    const id = process?.id ?? '';
    const upstreamStatus = String((answer as { status: number }).status);
    const outcome = { verdict, upstreamStatus };
    expect(result).toEqual({ kind: 'answered', upstreamId: id, outcome, answer: { id, ...answer } });
    expect(await read(id)).toEqual({ kind: 'ok', value: { final: true, outcome, answer: { id, ...answer } } });
  });

  it('keeps nothing of an answer that could name a person', async () => {
    const told = {
      id: 'p1',
      status: 3,
      unicoId: { result: 'yes', personName: 'Pessoa Virtual' },
      score: 'high',
      document: { content: { cpfNumero: somebody } },
      processAdditionalInfo: { personDocument: somebody },
    };
    simulator.behaviours.use({ operation: 'createProcess', after: () => JSON.stringify(told) });
    const result = await create();
    expect(result).toMatchObject({ kind: 'answered', upstreamId: 'p1' });
    expect(JSON.stringify(result.kind === 'answered' && result.answer)).toBe(
      '{"id":"p1","status":3,"unicoId":{"result":"yes"}}',
    );
  });

  it('divergence goes 1, 2 and 3 with a score', async () => {
    const result = await create(request(testCpfs.divergence));
    expect(result).toMatchObject({ kind: 'taken', upstreamStatus: '1', answer: { liveness: 1 } });
    const { upstreamId: id } = result as { upstreamId: string };
    const waiting = { final: false, upstreamStatus: '2', recognised: true };
    expect(await read(id)).toEqual({ kind: 'ok', value: waiting });
    expect(await read(id)).toMatchObject({ value: { final: true, answer: { status: 3, score: 28 } } });
    expect(await read(id)).toMatchObject({ value: { final: true } });
  });

  it('a number that nobody knows is never final', async () => {
    const result = await create(request(testCpfs['unknown-status']));
    expect(result).toMatchObject({ kind: 'taken', upstreamStatus: '9' });
    const waiting = { final: false, upstreamStatus: '9', recognised: false };
    expect(await read((result as { upstreamId: string }).upstreamId)).toEqual({ kind: 'ok', value: waiting });
  });

  it('sends the body as it is, both headers, and one token for all calls', async () => {
    await create();
    await create();
    const [first] = simulator.received.of('createProcess');
    expect(first?.body).toEqual(request());
    expect(first?.headers).toMatchObject({ apikey: 'key', authorization: expect.stringMatching(/^Bearer \S+$/) });
    expect(simulator.received.count('token')).toBe(1);
  });

  it('does not know a process that is not there', async () => {
    expect(await read('80371b2a-3ac7-432e-866d-57fe37896ac6')).toEqual({ kind: 'not-found' });
  });

  it('serves every operation of the table', () => {
    for (const { method, path } of Object.values(idcloudOperations)) {
      expect(simulator.app.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1') })).toBe(true);
    }
  });

  it('draws the courses of others by the seed', async () => {
    await stop();
    await start({ otherwise: 'seeded', courses: { [somebody]: 'no' } });
    expect(await create()).toMatchObject({ answer: { unicoId: { result: 'no' } } });
    const first = await create(request('73689290074'));
    expect(await create(request('73689290074'))).toMatchObject({ outcome: (first as { outcome: object }).outcome });
  });
});

describe('refusals', () => {
  const tooLarge = Buffer.concat([Buffer.from(portrait, 'base64'), Buffer.alloc(820_000)]).toString('base64');
  const rows: [code: string, body: unknown][] = [
    ['20003', '{"subject":'],
    ['20004', { imageBase64: portrait }],
    ['20005', { subject: { name: 'Luke' }, imageBase64: portrait }],
    ['20006', { subject: { code: somebody }, imageBase64: portrait }],
    ['20009', { subject: { code: somebody, name: 'Luke' } }],
    ['20507', request('12345678900')],
    ['20507', request(nonexistentCpf)],
    ['20505', request(somebody, Buffer.from('no picture').toString('base64'))],
    ['20900', request(somebody, `${portrait.slice(0, -4)}*`)],
    ['20506', request(somebody, tooLarge)],
    ['20807', request(somebody, picture(320, 240))],
  ];
  it.each(rows)('%s', async (upstreamCode, body) => {
    const refused = { kind: 'refused', reason: 'bad-request', httpStatus: 400, upstreamCode };
    expect(await create(body)).toEqual(refused);
    expect(simulator.processes.all()).toEqual([]);
  });

  it('matches names in any case', async () => {
    const { subject, imageBase64 } = request() as { subject: object; imageBase64: string };
    expect(await create({ Subject: subject, imagebase64: imageBase64 })).toMatchObject({ kind: 'answered' });
  });

  it('takes a capture of the SDK once, and nothing else where the key demands it', async () => {
    await stop();
    await start({ requireSdk: true });
    expect(await create()).toMatchObject({ kind: 'refused', upstreamCode: '10506' });
    expect(await create(request(somebody, 'head.body.sign'))).toMatchObject({ kind: 'answered' });
    expect(await create(request(somebody, 'head.body.sign'))).toMatchObject({ kind: 'refused', upstreamCode: '10508' });
  });

  it('a key that nobody knows is a matter of credentials', async () => {
    await client.close();
    client = connect({ apiKey: 'other' });
    const unavailable = { kind: 'unavailable', reason: 'forbidden', httpStatus: 403, upstreamCode: '10201' };
    expect(await create()).toEqual(unavailable);
  });
});

describe('the budget', () => {
  it('is ten requests in any second', async () => {
    await stop();
    await start({ requestsPerSecond: 10 });
    for (let i = 0; i < 10; i++) expect(await create()).toMatchObject({ kind: 'answered' });
    expect(await create()).toEqual({ kind: 'throttled', retryAfterMs: 1_000 });
    expect(await read('x')).toEqual({ kind: 'throttled', retryAfterMs: 1_000 });
    clock += 1_000;
    expect(await create()).toMatchObject({ kind: 'answered' });
    expect(simulator.processes.all()).toHaveLength(11);
  });
});

describe('the token', () => {
  it('is renewed ten minutes before its end', async () => {
    await create();
    clock += 49 * 60_000;
    await create();
    expect(simulator.identity.issued).toBe(1);
    clock += 61_000;
    await create();
    expect(simulator.identity.issued).toBe(2);
  });

  it('is asked for once by many calls at a time', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => create()));
    expect(new Set(results.map((result) => result.kind))).toEqual(new Set(['answered']));
    expect(simulator.received.count('token')).toBe(1);
  });

  it('is renewed and the call made again when it has been revoked; the process exists once', async () => {
    await create(request(testCpfs.yes));
    simulator.identity.revokeAll();
    expect(await create()).toMatchObject({ kind: 'answered' });
    expect(simulator.processes.all(somebody)).toHaveLength(1);
    expect(simulator.received.of('createProcess').map((entry) => entry.status)).toEqual([200, 403, 200]);
    expect(simulator.received.count('token')).toBe(2);
  });

  it('is not asked for again and again when it never helps', async () => {
    simulator.behaviours.add({ operation: 'createProcess', fault: { type: 'status', status: 401 } });
    const unavailable = { kind: 'unavailable', reason: 'unauthorized' };
    expect(await create()).toMatchObject({ ...unavailable, httpStatus: 401 });
    expect(await create()).toMatchObject({ ...unavailable, retryAfterMs: 60_000 });
    expect([simulator.received.count('token'), simulator.received.count('createProcess')]).toEqual([2, 2]);
    simulator.behaviours.clear();
    clock += 60_000;
    expect(await create()).toMatchObject({ kind: 'answered' });
  });

  it('serves on while its renewal fails', async () => {
    await create();
    simulator.behaviours.add({ operation: 'token', fault: { type: 'status', status: 503 } });
    clock += 55 * 60_000;
    expect(await create()).toMatchObject({ kind: 'answered' });
    clock += 6 * 60_000;
    expect(await create()).toMatchObject({ kind: 'unavailable', reason: 'token-unavailable', httpStatus: 503 });
    expect(simulator.processes.all()).toHaveLength(2);
  });

  it.each([
    ['1.0.1', { tenantId: '11111111-7a4e-4f5a-9d0e-3f6f1f7a1c11' }],
    ['1.2.5', { account: 'nobody' }],
  ])('is refused with %s; the next call does not ask again', async (upstreamCode, changes) => {
    await client.close();
    client = connect(changes);
    const refused = { kind: 'unavailable', reason: 'token-refused', httpStatus: 400, upstreamCode };
    expect(await create()).toEqual(refused);
    expect(await create()).toEqual({ ...refused, retryAfterMs: 60_000 });
    expect(simulator.received.count('token')).toBe(1);
    expect(simulator.received.count('createProcess')).toBe(0);
  });

  it.each(['1.2.4', '1.2.7'])('tries a new assertion after %s', async (code) => {
    simulator.behaviours.add({ operation: 'token', fault: { type: 'status', status: 400, code }, times: 1 });
    expect(await create()).toMatchObject({ kind: 'answered' });
    expect(simulator.received.count('token')).toBe(2);
  });

  it('never uses an assertion twice, though all of them are made in the same second', async () => {
    for (let i = 0; i < 30; i++) {
      const one = connect();
      expect(await one.submit('idcloud.process', bodyOf(request()))).toMatchObject({ kind: 'answered' });
      await one.close();
    }
  });

  it('waits long when the account is locked', async () => {
    await stop();
    await start({ lockAfter: 1 });
    const bad = connect({ account: 'nobody' });
    await bad.submit('idcloud.process', bodyOf(request()));
    await bad.close();
    const locked = { kind: 'unavailable', reason: 'token-locked', upstreamCode: '1.2.18', retryAfterMs: 900_000 };
    expect(await create()).toMatchObject(locked);
    clock += 900_000;
    expect(await create()).toMatchObject({ kind: 'answered' });
  });

  it('is unavailable while the identity host is away', async () => {
    await simulator.pause();
    expect(await create()).toEqual({ kind: 'unavailable', reason: 'connect-refused' });
    await simulator.resume();
    clock += 1_000;
    expect(await create()).toMatchObject({ kind: 'answered' });
  });
});

/** What the client makes of each fault, and how many processes exist afterwards. */
const faults: [BehaviourRequest['fault'], expected: object, held: number][] = [
  [{ type: 'drop-before-read' }, { kind: 'unknown', reason: 'connection-lost' }, 0],
  [{ type: 'drop-after-accept' }, { kind: 'unknown', reason: 'connection-lost' }, 1],
  [{ type: 'accept-without-body' }, { kind: 'unknown', reason: 'accepted-without-id', httpStatus: 201 }, 1],
  [{ type: 'malformed-json' }, { kind: 'unknown', reason: 'answer-unreadable', httpStatus: 200 }, 1],
  [{ type: 'status', status: 500 }, { kind: 'unknown', reason: 'server-error', upstreamCode: '99999' }, 0],
  [{ type: 'status', status: 503 }, { kind: 'unavailable', reason: 'service-unavailable' }, 0],
  [{ type: 'status', status: 409 }, { kind: 'unknown', reason: 'conflict' }, 0],
  [{ type: 'status', status: 410 }, { kind: 'refused', reason: 'gone' }, 0],
  [{ type: 'status', status: 400, code: '10507' }, { kind: 'refused', upstreamCode: '10507' }, 0],
  [{ type: 'status', status: 400, code: '20001' }, { kind: 'unavailable', reason: 'unauthorized' }, 0],
  [{ type: 'status', status: 429 }, { kind: 'throttled', retryAfterMs: 1_000 }, 0],
  [{ type: 'status', status: 403, code: '10502' }, { kind: 'answered' }, 1],
  [{ type: 'status', status: 403, code: '30017' }, { kind: 'answered' }, 1],
  [{ type: 'latency', ms: 20 }, { kind: 'answered' }, 1],
  [{ type: 'slow-body', ms: 20 }, { kind: 'answered' }, 1],
];

describe('behaviours', () => {
  it.each(faults)('%o', async (fault, expected, held) => {
    simulator.behaviours.add({ operation: 'createProcess', fault, times: 1 });
    expect(await create()).toMatchObject(expected);
    expect(simulator.processes.all()).toHaveLength(held);
    expect(simulator.behaviours.size).toBe(0);
  });

  it('a late answer runs into the time-out and the process exists', async () => {
    await stop();
    await start({}, 250);
    simulator.behaviours.add({ operation: 'createProcess', fault: { type: 'latency', ms: 60_000, when: 'after' } });
    expect(await create()).toEqual({ kind: 'unknown', reason: 'timeout' });
    expect(simulator.processes.all()).toHaveLength(1);
  });
});

describe('administration', () => {
  it('sets courses and revokes tokens from another process', async () => {
    const { app } = simulator;
    const url = `/_admin/courses/${somebody}`;
    expect((await app.inject({ method: 'PUT', url, payload: { course: 'no' } })).statusCode).toBe(204);
    expect((await app.inject({ method: 'PUT', url, payload: { course: 'maybe' } })).statusCode).toBe(400);
    expect(await create()).toMatchObject({ answer: { unicoId: { result: 'no' } } });
    expect((await app.inject({ method: 'DELETE', url: '/_admin/tokens' })).statusCode).toBe(204);
    expect((await app.inject('/_admin/processes')).json()).toMatchObject([{ subject: somebody, course: 'no' }]);
  });
});
