import assert from 'node:assert/strict';
import { errorResponse, errorTypes } from '@atesto/shared/contracts/spid-server';
import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { fillPath } from '@atesto/shared/contracts/spid-server-params';
import type { SpidServerClient } from '@atesto/shared/upstreams/spid-server';
import type { SpidCase } from './spid-case.ts';
import { spidCases } from './spid-cases.ts';
import { type House, openHouse } from './spid-house.ts';

interface Result {
  kind: string;
  value?: unknown;
  reason?: string;
  httpStatus?: number;
  upstreamCode?: string;
}
export interface Input {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
}

/** One operation with its row and its case, their types put aside: every operation is treated alike. */
export interface Subject {
  name: SpidServerOperationName;
  row: SpidServerOperation;
  good(house: House): Promise<Input>;
  check(value: unknown, house: House): Promise<void>;
  bad: readonly Input[];
  missing?: (house: House) => Promise<Input>;
}

export function subjectOf(name: SpidServerOperationName): Subject {
  const row: SpidServerOperation = spidServerOperations[name];
  const { good, check, bad, missing } = spidCases[name] as unknown as SpidCase<'enroll'>;
  return {
    name,
    row,
    good: async (house) => (await good(house)) as unknown as Input,
    check: async (value, house) => check(value as never, house),
    bad: bad as readonly Input[],
    ...(missing ? { missing: async (house: House) => (await missing(house)) as unknown as Input } : {}),
  };
}

export function callBy(client: SpidServerClient, { name }: Subject, input: Input): Promise<Result> {
  return (client.call as unknown as (name: string, input: Input) => Promise<Result>)(name, input);
}
const call = ({ client }: House, subject: Subject, input: Input) => callBy(client, subject, input);

async function inHouse(work: (house: House) => Promise<void>): Promise<void> {
  const house = await openHouse();
  try {
    await work(house);
  } finally {
    await house.close();
  }
}

/** The status of a failure that cannot be anything else, and what the client makes of it: for a write, for a read. */
export const failures: Readonly<Record<number, readonly [write: string, read: string]>> = {
  400: ['refused', 'refused'],
  401: ['unavailable', 'unavailable'],
  403: ['unavailable', 'unavailable'],
  404: ['refused', 'not-found'],
  409: ['unknown', 'unavailable'],
  415: ['refused', 'refused'],
  422: ['refused', 'refused'],
  500: ['unknown', 'unavailable'],
  503: ['unavailable', 'unavailable'],
};

/** What is tried with every operation, each with a server of its own. They throw where something is not as it has to be. */
export const spidChecks: Readonly<Record<string, (subject: Subject) => Promise<void>>> = {
  'succeeds over a socket': (subject) =>
    inHouse(async (house) => {
      const input = await subject.good(house);
      house.simulator.received.clear();
      const result = await call(house, subject, input);
      assert.equal(result.kind, subject.row.writes ? 'done' : 'ok', `${result.kind} ${result.reason ?? ''}`);
      const [seen] = house.simulator.received.of();
      assert.equal(seen?.operation, subject.name);
      assert.equal(seen?.method, subject.row.method);
      assert.ok(subject.row.success.includes(seen?.status ?? 0), `${seen?.status} is not declared`);
      if (input.body !== undefined) assert.deepEqual(seen?.body, input.body);
      await subject.check(result.value, house);
    }),

  'refuses bad input, with nothing done': (subject) =>
    inHouse(async (house) => {
      for (const input of subject.bad) {
        const { kind, reason, upstreamCode } = await call(house, subject, input);
        assert.deepEqual([kind, reason, upstreamCode], ['refused', 'bad-request', 'VALIDATION_ERROR']);
      }
      assert.deepEqual(house.simulator.state.transactions(), []);
      const { request, path, method, requestOptional } = subject.row;
      if (!request) return;
      // What no typed client can send: another media type, and no JSON.
      const input = await subject.good(house);
      const url = `${house.simulator.url}${fillPath(path, input.params ?? {})}`;
      for (const [type, status] of [
        ['text/plain', 415],
        ['application/json', 400],
      ] as const) {
        const response = await fetch(url, { method, headers: { 'content-type': type }, body: '{' });
        assert.equal(response.status, status, `${type} ${requestOptional ?? ''}`);
        assert.equal(errorResponse.parse(await response.json()).type, 'VALIDATION_ERROR');
      }
    }),

  'does not know what is not there': (subject) =>
    inHouse(async (house) => {
      if (!subject.missing) return;
      const { kind, httpStatus } = await call(house, subject, await subject.missing(house));
      assert.deepEqual([kind, httpStatus], subject.row.writes ? ['refused', 404] : ['not-found', undefined]);
    }),

  'understands every declared error': (subject) =>
    inHouse(async (house) => {
      const input = await subject.good(house);
      for (const status of subject.row.errors) {
        house.simulator.behaviours.add({ operation: subject.name, fault: { type: 'status', status }, times: 1 });
        const expected = failures[status]?.[subject.row.writes ? 0 : 1];
        assert.equal((await call(house, subject, input)).kind, expected, `status ${status}`);
      }
      for (const code of errorTypes) {
        const fault = { type: 'status', status: 422, code } as const;
        house.simulator.behaviours.add({ operation: subject.name, fault, times: 1 });
        const { kind, upstreamCode } = await call(house, subject, input);
        assert.deepEqual([kind, upstreamCode], ['refused', code]);
      }
    }),

  'knows what a lost answer means': (subject) =>
    inHouse(async (house) => {
      const input = await subject.good(house);
      const lost = subject.row.writes ? 'unknown' : 'unavailable';
      const { behaviours } = house.simulator;
      behaviours.add({ operation: subject.name, fault: { type: 'drop-before-read' }, times: 1 });
      assert.equal((await call(house, subject, input)).kind, lost, 'dropped before it was read');
      behaviours.add({ operation: subject.name, fault: { type: 'drop-after-accept' }, times: 1 });
      assert.equal((await call(house, subject, input)).kind, lost, 'dropped after it was done');
      await house.simulator.pause();
      // A connection that was never made had no effect, whatever the method.
      const { kind, reason } = await call(house, subject, input);
      assert.deepEqual([kind, reason], ['unavailable', 'connect-refused']);
    }),

  'does not take half an answer for one': (subject) =>
    inHouse(async (house) => {
      const { answer, writes } = subject.row;
      if (answer.form !== 'json' || answer.optional) return;
      const input = await subject.good(house);
      house.simulator.behaviours.add({ operation: subject.name, fault: { type: 'malformed-json' }, times: 1 });
      const { kind, reason } = await call(house, subject, input);
      assert.deepEqual([kind, reason], [writes ? 'unknown' : 'unavailable', 'answer-unreadable']);
    }),

  'does not take 201 with nothing for an answer': (subject) =>
    inHouse(async (house) => {
      const { answer, writes } = subject.row;
      const input = await subject.good(house);
      house.simulator.behaviours.add({ operation: subject.name, fault: { type: 'accept-without-body' }, times: 1 });
      const { kind, reason } = await call(house, subject, input);
      const wantsBody = answer.form !== 'none' && !(answer.form === 'json' && answer.optional);
      if (!writes) assert.equal(kind, 'unavailable');
      else assert.deepEqual([kind, reason], wantsBody ? ['unknown', 'accepted-without-id'] : ['done', undefined]);
    }),
};
