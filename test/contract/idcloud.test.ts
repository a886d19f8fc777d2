import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idcloudErrors, idcloudOperations } from '../../packages/shared/src/contracts/idcloud-client.ts';
import type { SubmitResult } from '../../packages/shared/src/upstreams/upstream.ts';
import type { BehaviourRequest } from '../simulators/src/behaviour.ts';
import { nonexistentCpf, testCpfs } from '../simulators/src/idcloud/outcomes.ts';
import type { IdcloudSimulatorOptions } from '../simulators/src/idcloud/simulator.ts';
import {
  bodyOf,
  type Connecting,
  type IdcloudStage,
  openStage,
  picture,
  portrait,
  somebody,
} from './idcloud.fixture.ts';

let stage: IdcloudStage;

async function restart(options?: Partial<IdcloudSimulatorOptions>, connecting?: Connecting): Promise<void> {
  await stage.close();
  stage = await openStage(options, connecting);
}

function request(code = somebody, imageBase64: string = portrait): object {
  return { subject: { code, name: 'Luke Skywalker' }, useCase: 'Onboarding', imageBase64 };
}

const clientOf = (keyName = 'identity', accounts = stage.accounts) => accounts.client({ account: 'bank', keyName });
const create = (value: unknown = request(), keyName = 'identity', accounts = stage.accounts): Promise<SubmitResult> =>
  clientOf(keyName, accounts).submit('idcloud.process', bodyOf(value));
const read = (id: string, keyName = 'identity') => clientOf(keyName).result('idcloud.process', id);

beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

describe('create and read', () => {
  it('keeps nothing of an answer that could name a person', async () => {
    const told = {
      id: 'p1',
      status: 3,
      unicoId: { result: 'yes', personName: 'Pessoa Virtual' },
      score: 'high',
      document: { content: { cpfNumero: somebody } },
      processAdditionalInfo: { personDocument: somebody },
    };
    stage.simulator.behaviours.use({ operation: 'createProcess', after: () => JSON.stringify(told) });
    const result = await create();
    expect(result).toMatchObject({ kind: 'answered', upstreamId: 'p1' });
    expect(JSON.stringify(result)).not.toMatch(/Pessoa|12345678909/);
    expect(result).not.toHaveProperty('kept');
  });

  it.each([
    ['cancelled', { kind: 'voided', reason: 'cancelled', upstreamStatus: '4' }],
    ['error', { kind: 'voided', reason: 'process-error', upstreamStatus: '5' }],
  ] as const)('%s comes to nothing', async (course, voided) => {
    expect(await create(request(testCpfs[course]))).toEqual(voided);
    const [process] = stage.simulator.processes.all();
    expect(await read(process?.id ?? '')).toEqual(voided);
  });

  it('a number that nobody knows is never final', async () => {
    const result = await create(request(testCpfs['unknown-status']));
    expect(result).toMatchObject({ kind: 'taken', upstreamStatus: '9' });
    const waiting = { final: false, upstreamStatus: '9', recognised: false };
    expect(await read((result as { upstreamId: string }).upstreamId)).toMatchObject({ kind: 'ok', value: waiting });
  });

  it('sends the body as it is, both headers, and one token for all keys', async () => {
    await create();
    await create(request(), 'behaviour-d');
    const [first, second] = stage.simulator.received.of('createProcess');
    expect(first?.body).toEqual(request());
    expect(first?.headers).toMatchObject({
      apikey: 'key identity',
      authorization: expect.stringMatching(/^Bearer \S+$/),
    });
    expect(second?.headers).toMatchObject({ apikey: 'key behaviour-d' });
    expect(stage.simulator.received.count('token')).toBe(1);
  });

  it('does not know a process that is not there', async () => {
    expect(await read('80371b2a-3ac7-432e-866d-57fe37896ac6')).toEqual({ kind: 'not-found' });
  });

  it('serves every operation of the table', () => {
    for (const { method, path } of Object.values(idcloudOperations)) {
      expect(stage.simulator.app.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1') })).toBe(true);
    }
  });

  it('draws the courses of others by the seed', async () => {
    await restart({ otherwise: 'seeded', courses: { [somebody]: 'no' } });
    expect(await create()).toMatchObject({ answer: { unicoId: { result: 'no' } } });
    const first = await create(request('73689290074'));
    expect((await create(request('73689290074'))).kind).toBe(first.kind);
  });
});

describe('version 2 of get', () => {
  it('names the person, in edition B alone', async () => {
    await create(request(testCpfs.yes), 'identity-b');
    const [process] = stage.simulator.processes.all();
    const id = process?.id ?? '';
    const value = {
      id,
      status: 3,
      unicoId: { result: 'yes' },
      processAdditionalInfo: { personDocument: testCpfs.yes, personName: 'Luke Skywalker' },
    };
    expect(await clientOf('identity-b').processV2(id)).toMatchObject({ kind: 'ok', value });
    expect(await clientOf('identity').processV2(id)).toEqual({ kind: 'not-found' });
  });
});

describe('refusals', () => {
  const tooLarge = Buffer.concat([Buffer.from(portrait, 'base64'), Buffer.alloc(820_000)]).toString('base64');
  const rows: [code: string, body: unknown, keyName?: string][] = [
    ['20003', '{"subject":'],
    ['20004', { imageBase64: portrait }],
    ['20005', { subject: { name: 'Luke' }, imageBase64: portrait }],
    ['20006', { subject: { code: somebody }, imageBase64: portrait }, 'identity-b'],
    ['20009', { subject: { code: somebody, name: 'Luke' } }],
    ['20507', request('12345678900')],
    ['20507', request(nonexistentCpf)],
    ['20505', request(somebody, Buffer.from('no picture').toString('base64'))],
    ['20900', request(somebody, `${portrait.slice(0, -4)}*`)],
    ['20506', request(somebody, tooLarge)],
    ['20807', request(somebody, picture(320, 240))],
    ['10506', request(), 'sdk'],
  ];
  it.each(rows)('%s', async (upstreamCode, body, keyName) => {
    const refused = { kind: 'refused', reason: 'bad-request', httpStatus: 400, upstreamCode };
    expect(await create(body, keyName)).toEqual(refused);
    expect(stage.simulator.processes.all()).toEqual([]);
  });

  it('an edition that needs no name takes a process without one', async () => {
    expect(await create({ subject: { code: somebody }, imageBase64: portrait })).toMatchObject({ kind: 'answered' });
  });

  it('matches names in any case', async () => {
    const { subject, imageBase64 } = request() as { subject: object; imageBase64: string };
    expect(await create({ Subject: subject, imagebase64: imageBase64 })).toMatchObject({ kind: 'answered' });
  });

  it('takes a capture of the SDK once', async () => {
    const capture = request(somebody, 'head.body.sign');
    expect(await create(capture, 'sdk')).toMatchObject({ kind: 'answered' });
    expect(await create(capture, 'sdk')).toMatchObject({ kind: 'refused', upstreamCode: '10508' });
  });

  it('a key that nobody knows is a matter of credentials', async () => {
    const other = stage.connect({ apiKey: 'other' });
    const unavailable = { kind: 'unavailable', reason: 'forbidden', httpStatus: 403, upstreamCode: '10201' };
    expect(await create(request(), 'identity', other)).toEqual(unavailable);
  });
});

/** What the client makes of every row of the error tables. Those of a token's are renewed and sent again. */
const outcomes: Partial<Record<keyof typeof idcloudErrors, object>> = {
  20001: { kind: 'unavailable', reason: 'unauthorized' },
  20002: { kind: 'unavailable', reason: 'unauthorized' },
  10201: { kind: 'unavailable', reason: 'forbidden' },
  10501: { kind: 'answered' },
  10502: { kind: 'answered' },
  30017: { kind: 'answered' },
  50001: { kind: 'refused', reason: 'not-found' },
  99999: { kind: 'unknown', reason: 'server-error' },
};

it.each(Object.entries(idcloudErrors))('the error %s', async (code, { status }) => {
  stage.simulator.behaviours.add({ operation: 'createProcess', fault: { type: 'status', status, code }, times: 1 });
  const expected = outcomes[Number(code) as keyof typeof idcloudErrors] ?? { kind: 'refused', reason: 'bad-request' };
  const result = await create();
  expect(result).toMatchObject(expected);
  if (result.kind !== 'answered') expect(result).toMatchObject({ httpStatus: status, upstreamCode: code });
});

describe('the budget', () => {
  it('is ten requests in any second', async () => {
    await restart({ requestsPerSecond: 10 });
    for (let i = 0; i < 10; i++) expect(await create()).toMatchObject({ kind: 'answered' });
    expect(await create()).toEqual({ kind: 'throttled', retryAfterMs: 1_000 });
    expect(await read('x')).toEqual({ kind: 'throttled', retryAfterMs: 1_000 });
    stage.clock.now += 1_000;
    expect(await create()).toMatchObject({ kind: 'answered' });
    expect(stage.simulator.processes.all()).toHaveLength(11);
  });
});

/** What the client makes of each fault, and how many processes exist afterwards. */
const faults: [BehaviourRequest['fault'], expected: object, held: number][] = [
  [{ type: 'drop-before-read' }, { kind: 'unknown', reason: 'connection-lost' }, 0],
  [{ type: 'drop-after-accept' }, { kind: 'unknown', reason: 'connection-lost' }, 1],
  [{ type: 'accept-without-body' }, { kind: 'unknown', reason: 'accepted-without-id', httpStatus: 201 }, 1],
  [{ type: 'malformed-json' }, { kind: 'unknown', reason: 'answer-unreadable', httpStatus: 200 }, 1],
  [{ type: 'wrong-length' }, { kind: 'unknown', reason: 'answer-lost' }, 1],
  [{ type: 'status', status: 500 }, { kind: 'unknown', reason: 'server-error', upstreamCode: '99999' }, 0],
  [{ type: 'status', status: 503 }, { kind: 'unavailable', reason: 'service-unavailable' }, 0],
  [{ type: 'status', status: 409 }, { kind: 'unknown', reason: 'conflict' }, 0],
  [{ type: 'status', status: 410 }, { kind: 'refused', reason: 'gone' }, 0],
  [{ type: 'status', status: 429 }, { kind: 'throttled', retryAfterMs: 1_000 }, 0],
  [{ type: 'latency', ms: 20 }, { kind: 'answered' }, 1],
  [{ type: 'slow-body', ms: 20 }, { kind: 'answered' }, 1],
];

describe('behaviours', () => {
  it.each(faults)('%o', async (fault, expected, held) => {
    stage.simulator.behaviours.add({ operation: 'createProcess', fault, times: 1 });
    expect(await create()).toMatchObject(expected);
    expect(stage.simulator.processes.all()).toHaveLength(held);
    expect(stage.simulator.behaviours.size).toBe(0);
  });

  it('a late answer runs into the time-out and the process exists', async () => {
    await restart({}, { submitMs: 250 });
    stage.simulator.behaviours.add({
      operation: 'createProcess',
      fault: { type: 'latency', ms: 60_000, when: 'after' },
    });
    expect(await create()).toEqual({ kind: 'unknown', reason: 'timeout' });
    expect(stage.simulator.processes.all()).toHaveLength(1);
  });
});

describe('what is not configured', () => {
  it('has no client, and no upstream', () => {
    const { accounts } = stage;
    expect(() => accounts.client({ account: 'bank', keyName: 'none' })).toThrow(RangeError);
    expect(() => accounts.unico({ account: 'other' })).toThrow(RangeError);
    expect(accounts.upstreamOf({ kind: 'idcloud.process', account: 'bank', keyName: 'none' })).toBeUndefined();
    expect(accounts.upstreamOf({ kind: 'idcloud.unico', account: 'other' })).toBeUndefined();
    expect(accounts.upstreamOf({ kind: 'idcloud.unico', account: 'bank' })).toBeDefined();
  });
});

describe('administration', () => {
  it('sets courses and revokes tokens from another process', async () => {
    const { app } = stage.simulator;
    const url = `/_admin/courses/${somebody}`;
    expect((await app.inject({ method: 'PUT', url, payload: { course: 'no' } })).statusCode).toBe(204);
    expect((await app.inject({ method: 'PUT', url, payload: { course: 'maybe' } })).statusCode).toBe(400);
    expect(await create()).toMatchObject({ answer: { unicoId: { result: 'no' } } });
    expect((await app.inject({ method: 'DELETE', url: '/_admin/tokens' })).statusCode).toBe(204);
    expect((await app.inject('/_admin/processes')).json()).toMatchObject([{ subject: somebody, course: 'no' }]);
  });
});
