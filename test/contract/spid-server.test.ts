import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UserTransactionRequest } from '../../packages/shared/src/contracts/spid-server.ts';
import {
  type SpidServerOperationName,
  spidServerOperations,
} from '../../packages/shared/src/contracts/spid-server-operations.ts';
import type { Cpf } from '../../packages/shared/src/domain/cpf.ts';
import { createSpidServerClient, type SpidServerClient } from '../../packages/shared/src/upstreams/spid-server.ts';
import type { SubmitResult, UpstreamBody } from '../../packages/shared/src/upstreams/upstream.ts';
import type { BehaviourRequest } from '../simulators/src/behaviour.ts';
import { person, type VirtualPerson } from '../simulators/src/people/person.ts';
import { encodePng, type Matcher, toWireBiometric } from '../simulators/src/spid-server/biometrics.ts';
import {
  createSpidServerSimulator,
  type SpidServerSimulator,
  type SpidServerSimulatorOptions,
} from '../simulators/src/spid-server/simulator.ts';

const ana = '12345678909' as Cpf;
const bia = '73689290074' as Cpf;
const operator = '00001010018' as Cpf;
const timestamp = 1_732_147_200_000;

/** A picture whose shade says whose finger it is; the matcher of these tests looks at nothing else. */
function finger(index: number, shade: number) {
  const pixels = new Uint8Array(32 * 48).fill(shade);
  return toWireBiometric(index, encodePng({ width: 32, height: 48, pixels, dpiX: 500, dpiY: 500 }));
}
const sameShade: Matcher = (enrolled, probe) => enrolled.pixels[0] === probe.pixels[0];

let simulator: SpidServerSimulator;
let client: SpidServerClient;
let clock = timestamp;

async function start(options: SpidServerSimulatorOptions = {}, submitMs = 5_000): Promise<void> {
  simulator = createSpidServerSimulator({
    matches: sameShade,
    operators: [{ cpf: operator, biometrics: [finger(6, 200)] }],
    people: [{ cpf: bia, biometrics: [finger(6, 20), finger(7, 20), finger(3, 20)] }],
    now: () => clock,
    ...options,
  });
  await simulator.listen();
  client = createSpidServerClient({ url: simulator.url, timeouts: { submitMs, readMs: submitMs } });
}

function request(changes: Partial<UserTransactionRequest['data']> = {}): UserTransactionRequest {
  const biometrics = [finger(6, 90), finger(7, 90)];
  return { data: { biometrics, missingBiometrics: [], userId: ana, operatorId: operator, timestamp, ...changes } };
}

function bodyOf(value: unknown): UpstreamBody {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return {
    length: bytes.length,
    async *open() {
      for (let at = 0; at < bytes.length; at += 1_024) yield bytes.subarray(at, at + 1_024);
    },
  };
}

const enroll = (changes?: Partial<UserTransactionRequest['data']>) =>
  client.submit('spid.enroll', bodyOf(request(changes)));
const verify = (changes?: Partial<UserTransactionRequest['data']>) =>
  client.submit('spid.verify', bodyOf(request(changes)));

function idOf(result: SubmitResult): string {
  if ((result.kind !== 'taken' && result.kind !== 'answered') || result.upstreamId === undefined) {
    throw new Error(`no id in ${result.kind}`);
  }
  return result.upstreamId;
}

beforeEach(async () => {
  clock = timestamp;
  await start();
});
afterEach(async () => {
  await client.close();
  await simulator.close();
});

async function restart(options: SpidServerSimulatorOptions, submitMs?: number): Promise<void> {
  await client.close();
  await simulator.close();
  await start(options, submitMs);
}

describe('enroll and its result', () => {
  it('is taken, waits, and is enrolled when its time has come', async () => {
    await restart({ enrollDelayMs: 1_000 });
    const result = await enroll();
    expect(result).toEqual({ kind: 'taken', upstreamId: expect.any(String), upstreamStatus: 'ENROLL_PENDING' });
    const pending = { final: false, upstreamStatus: 'ENROLL_PENDING', recognised: true };
    expect(await client.result('spid.enroll', idOf(result))).toEqual({ kind: 'ok', value: pending });
    expect(await client.person(ana)).toEqual({ kind: 'ok', value: { registered: false } });
    clock += 1_000;
    const outcome = { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' };
    const read = await client.result('spid.enroll', idOf(result));
    expect(read).toEqual({ kind: 'ok', value: { final: true, outcome } });
    expect(await client.person(ana)).toEqual({ kind: 'ok', value: { registered: true } });
    const [received] = simulator.received.of('enroll');
    expect(received).toMatchObject({ method: 'POST', status: 200, body: request() });
  });

  it('rejects somebody who is enrolled, or hands them to people who treat the exception', async () => {
    const rejected = await client.result('spid.enroll', idOf(await enroll({ userId: bia })));
    const outcome = { verdict: 'rejected', upstreamStatus: 'ENROLL_REJECTED' };
    expect(rejected).toEqual({ kind: 'ok', value: { final: true, outcome } });
    await restart({ duplicates: 'exception' });
    const id = idOf(await enroll({ userId: bia }));
    const waiting = { final: false, upstreamStatus: 'ENROLL_EXCEPTION', recognised: true };
    expect(await client.result('spid.enroll', id)).toEqual({ kind: 'ok', value: waiting });
    expect(simulator.state.treat(id, 'ENROLL_OK')).toBe(true);
    expect(await client.result('spid.enroll', id)).toMatchObject({ value: { outcome: { verdict: 'enrolled' } } });
    expect(simulator.state.people.get(bia)?.biometrics.size).toBe(2);
  });

  it('does not know a transaction of the other kind, nor one that is not there', async () => {
    const id = idOf(await enroll());
    expect(await client.result('spid.verify', id)).toEqual({ kind: 'not-found' });
    expect(await client.result('spid.enroll', 'nothing')).toEqual({ kind: 'not-found' });
  });
});

describe('verify and its result', () => {
  it.each([
    ['the same fingers', [finger(6, 20), finger(7, 20)], 'match', 'SEARCH_MATCH'],
    ['two of three', [finger(6, 20), finger(7, 20), finger(3, 99)], 'match', 'SEARCH_MATCH'],
    ['half of them', [finger(6, 20), finger(7, 99)], 'no-match', 'SEARCH_NOT_MATCH'],
    ['other fingers', [finger(6, 99)], 'no-match', 'SEARCH_NOT_MATCH'],
    ['a finger that is not enrolled', [finger(0, 20)], 'failed', 'SEARCH_FAILED'],
  ])('decides at once from the pictures: %s', async (_, biometrics, verdict, upstreamStatus) => {
    const result = await verify({ userId: bia, biometrics });
    const outcome = { verdict, upstreamStatus };
    expect(result).toEqual({ kind: 'answered', upstreamId: expect.any(String), outcome });
    expect(await client.result('spid.verify', idOf(result))).toEqual({ kind: 'ok', value: { final: true, outcome } });
  });

  it('verifies an operator by their own fingers', async () => {
    const result = await verify({ userId: operator, biometrics: [finger(6, 200)] });
    expect(result).toMatchObject({ outcome: { verdict: 'match' } });
  });

  it('verifies somebody who has just been enrolled', async () => {
    await enroll();
    expect(await verify()).toMatchObject({ outcome: { verdict: 'match' } });
  });

  it('fails the search of somebody unknown, or answers 404', async () => {
    expect(await verify()).toMatchObject({ outcome: { verdict: 'failed', upstreamStatus: 'SEARCH_FAILED' } });
    await restart({ unknownPerson: 'not-found' });
    const refused = { kind: 'refused', reason: 'not-found', httpStatus: 404, upstreamCode: 'PROCESSING_ERROR' };
    expect(await verify()).toEqual(refused);
    expect(simulator.state.transactions()).toEqual([]);
  });
});

describe('reads', () => {
  it("finds a person's latest transaction with what a lost answer is matched by", async () => {
    expect(await client.findTransaction(ana)).toEqual({ kind: 'ok', value: [] });
    await enroll();
    const id = idOf(await verify({ timestamp: timestamp + 5 }));
    const value = { id, type: 'SEARCH', userId: ana, operatorId: operator, timestamp: timestamp + 5 };
    expect(await client.findTransaction(ana)).toMatchObject({ kind: 'ok', value: [value] });
  });

  it.each([302, 200] as const)('reads an operator answered with %i', async (operatorStatus) => {
    await restart({ operatorStatus });
    const payload = { document: operator, status: 'VERIFIED', biometrics: [finger(6, 200)] };
    expect(await client.operator(operator)).toMatchObject({ kind: 'ok', value: { found: true, payload } });
    expect(await client.operator(ana)).toEqual({ kind: 'ok', value: { found: false } });
  });

  it.each(['pdf', 'base64', 'base64-array', 'base64-parts'] as const)(
    'reads a report that travels as %s',
    async (form) => {
      await restart({ reportForm: form });
      const report = await client.report(idOf(await enroll()));
      if (report.kind !== 'ok') throw new Error(report.kind);
      expect(report.value.subarray(0, 5).toString()).toBe('%PDF-');
      expect(report.value.toString('latin1').trimEnd().endsWith('%%EOF')).toBe(true);
      expect(report.value.toString('latin1')).not.toContain(ana);
      expect(await client.report('nothing')).toEqual({ kind: 'not-found' });
    },
  );
});

describe('refusals', () => {
  const broken = finger(6, 1);
  it.each([
    ['no JSON', '{'],
    ['no data', {}],
    ['a wrong check digit', request({ userId: '12345678900' })],
    ['a formatted CPF', request({ userId: '123.456.789-09' })],
    ['an operator that is no CPF', request({ operatorId: 'joe' })],
    ['no biometrics', request({ biometrics: [] })],
    ['an index twice', request({ biometrics: [finger(6, 1), finger(6, 2)] })],
    [
      'an index that is missing and there',
      request({ missingBiometrics: [{ index: 6, type: 'AMPUTATED', reason: '' }] }),
    ],
    ['an index that is none', request({ biometrics: [finger(77, 1)] })],
    ['no base64', request({ biometrics: [{ ...broken, content: `*${broken.content.slice(1)}` }] })],
    ['no picture', request({ biometrics: [{ ...broken, content: 'AAAA' }] })],
    ['half a picture', request({ biometrics: [{ ...broken, content: broken.content.slice(0, 80) }] })],
    ['another size', request({ biometrics: [{ ...broken, width: 33 }] })],
    ['a bad timestamp', request({ timestamp: 0 })],
  ])('of %s', async (_, value) => {
    const refused = { kind: 'refused', reason: 'bad-request', httpStatus: 400, upstreamCode: 'VALIDATION_ERROR' };
    expect(await client.submit('spid.enroll', bodyOf(value))).toEqual(refused);
    expect(await client.submit('spid.verify', bodyOf(value))).toEqual(refused);
    expect(simulator.state.transactions()).toEqual([]);
  });

  it.each(['PENDING', 'EXCEPTION', 'ENQUEUED', 'DELETED'] as const)('of an operator who is %s', async (status) => {
    simulator.state.seedOperator(operator, status);
    expect(await enroll()).toMatchObject({
      kind: 'refused',
      reason: 'unprocessable',
      upstreamCode: 'PROCESSING_ERROR',
    });
  });

  it('of callers without credentials', async () => {
    await restart({ credentials: { username: 'ar', password: 'secret' } });
    const refused = { kind: 'unavailable', reason: 'unauthorized', httpStatus: 401, upstreamCode: 'SECURITY_ERROR' };
    expect(await enroll()).toEqual(refused);
    await client.close();
    client = createSpidServerClient({ url: simulator.url, username: 'ar', password: 'secret' });
    expect(await enroll()).toMatchObject({ kind: 'taken' });
  });

  it('name every operation of the table, and nothing else is served', async () => {
    for (const name of Object.keys(spidServerOperations) as SpidServerOperationName[]) {
      const { method, path } = spidServerOperations[name];
      expect(simulator.app.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1') })).toBe(true);
    }
    const response = await simulator.app.inject('/gbs-spid-server/nothing');
    expect([response.statusCode, response.json().type]).toEqual([404, 'PROCESSING_ERROR']);
  });
});

/** What the client makes of each fault, and how many transactions the server holds afterwards. */
const faults: [BehaviourRequest['fault'], expected: object, held: number][] = [
  [{ type: 'drop-before-read' }, { kind: 'unknown', reason: 'connection-lost' }, 0],
  [{ type: 'drop-after-accept' }, { kind: 'unknown', reason: 'connection-lost' }, 1],
  [{ type: 'accept-without-body' }, { kind: 'unknown', reason: 'accepted-without-id', httpStatus: 201 }, 1],
  [{ type: 'malformed-json' }, { kind: 'unknown', reason: 'answer-unreadable', httpStatus: 200 }, 1],
  [{ type: 'wrong-length' }, { kind: 'unknown', reason: 'answer-lost' }, 1],
  [{ type: 'status', status: 500 }, { kind: 'unknown', reason: 'server-error' }, 0],
  [{ type: 'status', status: 503, retryAfterSeconds: 2 }, { kind: 'unavailable', retryAfterMs: 2_000 }, 0],
  [{ type: 'status', status: 429, retryAfterSeconds: 3 }, { kind: 'throttled', retryAfterMs: 3_000 }, 0],
  [{ type: 'status', status: 422, code: 'SECURITY_ERROR' }, { kind: 'refused', upstreamCode: 'SECURITY_ERROR' }, 0],
  [{ type: 'latency', ms: 20 }, { kind: 'taken' }, 1],
  [{ type: 'slow-body', ms: 20 }, { kind: 'taken' }, 1],
];

describe('behaviours', () => {
  it.each(faults)('%o', async (fault, expected, held) => {
    simulator.behaviours.add({ operation: 'enroll', fault, times: 1 });
    expect(await enroll()).toMatchObject(expected);
    expect(simulator.state.transactions(ana)).toHaveLength(held);
    expect(simulator.received.count('enroll')).toBe(1);
    const found = await client.findTransaction(ana);
    expect(found).toMatchObject({
      kind: 'ok',
      value: held === 0 ? [] : [{ userId: ana, operatorId: operator, timestamp }],
    });
    // It has spent itself: the next call goes well.
    expect(simulator.behaviours.size).toBe(0);
    expect(await enroll()).toMatchObject({ kind: 'taken' });
  });

  it('late and slow answers run into the time-out, and the transaction exists', async () => {
    await restart({}, 250);
    simulator.behaviours.add({ fault: { type: 'latency', ms: 60_000, when: 'after' }, times: 1 });
    expect(await enroll()).toEqual({ kind: 'unknown', reason: 'timeout' });
    simulator.behaviours.add({ fault: { type: 'slow-body', ms: 60_000 }, times: 1 });
    expect(await enroll()).toEqual({ kind: 'unknown', reason: 'timeout', httpStatus: 200 });
    expect(simulator.state.transactions(ana)).toHaveLength(2);
  });

  it('the newest acts first, and one that only delays lets the others act', async () => {
    simulator.behaviours.add({ fault: { type: 'status', status: 500 } });
    const remove = simulator.behaviours.add({ fault: { type: 'status', status: 503 } });
    simulator.behaviours.add({ fault: { type: 'latency', ms: 1 } });
    expect(await enroll()).toMatchObject({ httpStatus: 503 });
    remove();
    expect(await enroll()).toMatchObject({ httpStatus: 500 });
  });

  it('written in code see the call and may handle it', async () => {
    const seen: string[] = [];
    simulator.behaviours.use({
      operation: '*',
      before: ({ operation, reply }) => {
        seen.push(operation);
        reply.code(409).send();
        return true;
      },
    });
    expect(await verify()).toMatchObject({ kind: 'unknown', reason: 'conflict' });
    expect(seen).toEqual(['verify']);
  });

  it('chance is decided by the seed', async () => {
    const run = async () => {
      await restart({ seed: 'chance' });
      simulator.behaviours.add({ fault: { type: 'status', status: 503 }, probability: 0.5 });
      const kinds: string[] = [];
      for (let i = 0; i < 12; i++) kinds.push((await client.person(ana)).kind);
      return kinds;
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set(['ok', 'unavailable']));
    expect(await run()).toEqual(first);
  });

  it('refused, reset and unavailable while it is down; back with all that it held', async () => {
    const id = idOf(await enroll());
    simulator.behaviours.down = 'unavailable';
    expect(await enroll()).toMatchObject({ kind: 'unavailable', reason: 'service-unavailable' });
    simulator.behaviours.down = 'reset';
    expect(await enroll()).toMatchObject({ kind: 'unknown', reason: 'connection-lost' });
    simulator.behaviours.down = undefined;
    await simulator.pause();
    expect(await enroll()).toEqual({ kind: 'unavailable', reason: 'connect-refused' });
    await simulator.resume();
    expect(await client.result('spid.enroll', id)).toMatchObject({ kind: 'ok' });
  });
});

describe('administration', () => {
  const inject = (method: 'GET' | 'PUT' | 'DELETE', url: string, payload?: object) =>
    simulator.app.inject({ method, url: `/_admin/${url}`, ...(payload ? { payload } : {}) });

  it('switches behaviours from another process', async () => {
    const refused = await inject('PUT', 'behaviours', { fault: { type: 'nonsense' } });
    expect(refused.statusCode).toBe(400);
    const body = { operation: 'enroll', fault: { type: 'drop-after-accept' } };
    expect((await inject('PUT', 'behaviours', body)).json()).toEqual({ active: 1 });
    expect(await enroll()).toMatchObject({ kind: 'unknown' });
    expect((await inject('DELETE', 'behaviours')).statusCode).toBe(204);
    expect(await enroll()).toMatchObject({ kind: 'taken' });
    expect((await inject('PUT', 'down', { mode: 'unavailable' })).statusCode).toBe(204);
    expect(await enroll()).toMatchObject({ kind: 'unavailable' });
    expect((await inject('DELETE', 'down')).statusCode).toBe(204);
    expect((await inject('GET', 'received')).json()).toHaveLength(3);
  });

  it('seeds people and operators, lists transactions and treats them', async () => {
    expect((await inject('PUT', `people/${ana}`, { biometrics: [finger(6, 90)] })).statusCode).toBe(204);
    expect(await verify()).toMatchObject({ outcome: { verdict: 'match' } });
    expect((await inject('DELETE', `people/${ana}`)).statusCode).toBe(204);
    expect((await inject('PUT', `operators/${bia}`, { status: 'GOD_MODE' })).statusCode).toBe(204);
    const id = idOf(await enroll({ operatorId: bia }));
    expect((await inject('GET', 'transactions')).json()).toMatchObject([
      { type: 'SEARCH' },
      { tguid: id, indexes: [6, 7] },
    ]);
    expect((await inject('PUT', `transactions/${id}`, { status: 'ENROLL_FAILED' })).statusCode).toBe(204);
    expect(await client.result('spid.enroll', id)).toMatchObject({ value: { outcome: { verdict: 'rejected' } } });
    expect((await inject('PUT', 'people/1', { biometrics: [finger(6, 90)] })).statusCode).toBe(400);
  });
});

describe('with the simulators’ own matcher', () => {
  it('knows a virtual person by another impression, and nobody else', async () => {
    const picture = (who: VirtualPerson, n: number) => toWireBiometric(6, encodePng(who.impression(6, n)));
    const [one, two] = [person('contract one'), person('contract two')];
    const unmatched = { operators: [{ cpf: operator }], people: [{ cpf: bia, biometrics: [picture(one, 0)] }] };
    await client.close();
    await simulator.close();
    simulator = createSpidServerSimulator(unmatched);
    await simulator.listen();
    client = createSpidServerClient({ url: simulator.url });
    const given = (who: VirtualPerson, n: number) => verify({ userId: bia, biometrics: [picture(who, n)] });
    expect(await given(one, 1)).toMatchObject({ outcome: { verdict: 'match' } });
    expect(await given(two, 0)).toMatchObject({ outcome: { verdict: 'no-match' } });
  });
});
