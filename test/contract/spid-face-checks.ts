import assert from 'node:assert/strict';
import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import { isSpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import { createSpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { waitFor } from '../stack/wait-for.ts';
import { callBy, failures, type Input, type Subject } from './spid-checks.ts';
import type { FaceHouse, FaceVisit } from './spid-face-house.ts';

/** Passed on at once; made by a worker, whose caller is held; or made by a worker and answered from the ledger. */
function wayOf(name: SpidServerOperationName): 'passed on' | 'held' | 'submitted' {
  if (name === 'enroll' || name === 'verify') return 'submitted';
  return isSpidWrite(name) ? 'held' : 'passed on';
}

/** Statuses that say no to the caller; the others are between the gateway and the server, or make an outcome unknown. */
const refusals = new Set([400, 404, 409, 415, 422]);
/** Polls wait while an answer is looked at. */
const SLOW_MS = 500;

const ask = (visit: FaceVisit, subject: Subject, input: Input) => callBy(visit.face, subject, input);
const expectSuccess = (subject: Subject, { kind, reason }: { kind: string; reason?: string }, what = '') =>
  assert.equal(kind, subject.row.writes ? 'done' : 'ok', `${what} ${kind} ${reason ?? ''}`);

/** How often the server did it. */
function effects({ simulator }: FaceVisit, { name, row }: Subject): number {
  return simulator.received.of(name).filter(({ status }) => row.success.includes(status ?? 0)).length;
}

/** An enrolment is answered before it is sent. */
async function sent(visit: FaceVisit, subject: Subject): Promise<void> {
  if (subject.name === 'enroll') await waitFor(() => effects(visit, subject) > 0, { what: 'the enrolment' });
}

/** What is tried with every operation through the gateway's face, each time by a new caller before a new server. */
export const faceChecks: Readonly<Record<string, (house: FaceHouse, subject: Subject) => Promise<void>>> = {
  'succeeds through the gateway': (house, subject) =>
    house.visit(async (visit) => {
      const { simulator } = visit;
      const input = await subject.good(visit);
      if (subject.row.writes) {
        for (const operation of ['getDeleteResult', 'getSearchResult', 'getEnrollResult']) {
          simulator.behaviours.add({ operation, fault: { type: 'latency', ms: SLOW_MS } });
        }
      }
      simulator.received.clear();
      const result = await ask(visit, subject, input);
      expectSuccess(subject, result);
      await sent(visit, subject);
      const seen = simulator.received.of(subject.name);
      assert.equal(seen.length, 1, `${seen.length} requests`);
      assert.ok(subject.row.success.includes(seen[0]?.status ?? 0), `${seen[0]?.status} is not declared`);
      if (input.body !== undefined) assert.deepEqual(seen[0]?.body, input.body);
      await subject.check(await visit.theirs(result.value), visit);
    }),

  'refuses strangers and bad input at the gateway': (house, subject) =>
    house.visit(async (visit) => {
      const unknown = createSpidServerClient({ url: house.url, bearer: 'ak_wrong' });
      try {
        const { kind, reason, upstreamCode } = await callBy(unknown, subject, await subject.good(visit));
        assert.deepEqual([kind, reason, upstreamCode], ['unavailable', 'unauthorized', 'SECURITY_ERROR']);
      } finally {
        await unknown.close();
      }
      const before = visit.simulator.state.transactions().length;
      for (const input of subject.bad) {
        const { kind, reason, upstreamCode } = await ask(visit, subject, input);
        assert.deepEqual([kind, reason, upstreamCode], ['refused', 'bad-request', 'VALIDATION_ERROR']);
      }
      assert.equal(visit.simulator.state.transactions().length, before);
    }),

  'says through the gateway what is not there': (house, subject) =>
    house.visit(async (visit) => {
      if (!subject.missing) return;
      const { kind, httpStatus } = await ask(visit, subject, await subject.missing(visit));
      assert.deepEqual([kind, httpStatus], subject.row.writes ? ['refused', 404] : ['not-found', undefined]);
    }),

  'passes every declared refusal on': (house, subject) =>
    house.visit(async (visit) => {
      if (wayOf(subject.name) === 'submitted') return;
      const input = await subject.good(visit);
      for (const status of subject.row.errors.filter((one) => refusals.has(one))) {
        visit.simulator.behaviours.add({ operation: subject.name, fault: { type: 'status', status }, times: 1 });
        const expected = failures[status]?.[subject.row.writes ? 0 : 1];
        assert.equal((await ask(visit, subject, input)).kind, expected, `status ${status}`);
      }
    }),

  'is away, or tries again, where the server does not take the gateway': async (house, subject) => {
    const ours = subject.row.deprecated ? [401, 503] : [401, 403, 503];
    const statuses = subject.row.errors.filter((status) => ours.includes(status));
    const isPassedOn = wayOf(subject.name) === 'passed on';
    // A write is done in the end, and can be done once.
    for (const some of isPassedOn ? [statuses] : statuses.map((status) => [status])) {
      await house.visit(async (visit) => {
        const input = await subject.good(visit);
        for (const status of some) {
          visit.simulator.behaviours.add({ operation: subject.name, fault: { type: 'status', status }, times: 1 });
          const result = await ask(visit, subject, input);
          if (!isPassedOn) expectSuccess(subject, result, `status ${status}`);
          else assert.deepEqual([result.kind, result.httpStatus], ['unavailable', 503], `status ${status}`);
        }
      });
    }
  },

  'is not made twice where its answer is lost': (house, subject) =>
    house.visit(async (visit) => {
      const input = await subject.good(visit);
      visit.simulator.received.clear();
      const fault = { type: 'drop-after-accept' } as const;
      visit.simulator.behaviours.add({ operation: subject.name, fault, times: 1 });
      const { kind, httpStatus } = await ask(visit, subject, input);
      if (wayOf(subject.name) === 'passed on') assert.deepEqual([kind, httpStatus], ['unavailable', 503]);
      else assert.ok(kind === 'done' || kind === 'unknown', kind);
      await sent(visit, subject);
      const isMadeAgain = wayOf(subject.name) === 'held' && subject.row.retry === 'repeat';
      assert.equal(effects(visit, subject), isMadeAgain ? 2 : 1);
    }),

  'outlasts a server that is away': (house, subject) =>
    house.visit(async (visit) => {
      const input = await subject.good(visit);
      visit.simulator.received.clear();
      await visit.simulator.pause();
      if (wayOf(subject.name) === 'passed on') {
        const { kind, httpStatus } = await ask(visit, subject, input);
        assert.deepEqual([kind, httpStatus], ['unavailable', 503]);
        await visit.simulator.resume();
        return expectSuccess(subject, await ask(visit, subject, input));
      }
      const held = ask(visit, subject, input);
      await visit.triedInVain();
      await visit.simulator.resume();
      expectSuccess(subject, await held);
      await sent(visit, subject);
      assert.equal(effects(visit, subject), 1);
    }),
};
