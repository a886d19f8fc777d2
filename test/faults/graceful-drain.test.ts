import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import { deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { statesOf, untilAllSettled } from './settling.fixture.ts';

const UNDER_WAY = 6;
const WAITING = 10;

describe('workers that are told to end', { timeout: 60_000 }, () => {
  let house: FaultHouse;
  beforeAll(async () => {
    house = await openFaultHouse({ env: { WORKER_CONCURRENCY: String(UNDER_WAY) } });
  });
  afterAll(() => house?.close());

  it('finish the sends under way, begin none, and leave nothing half-done', async () => {
    const { db, platform } = house;
    // Half of the calls are slow to be taken, half are slow to be answered.
    const slow = (when: 'before' | 'after') =>
      ({ operation: 'enroll', fault: { type: 'latency', ms: 2_000, when }, times: UNDER_WAY / 2 }) as const;
    await platform.misbehave(slow('before'), slow('after'));
    const next = enrolmentsOf('drain');
    const sent: Enrolment[] = Array.from({ length: UNDER_WAY + WAITING }, next);
    const answers = await Promise.all(sent.map((enrolment) => deliver(house, enrolment)));
    expect(answers.filter(({ acknowledged }) => !acknowledged)).toEqual([]);
    await waitFor(async () => (await platform.received('enroll')).length >= UNDER_WAY, { what: 'calls under way' });
    house.workers.kill('SIGTERM');
    expect(await house.workers.exited).toEqual({ code: 0, signal: null });
    expect(house.workers.output()).toContain('workers-drained');

    const { submitting = 0, unknown = 0, retrying = 0, accepted = 0 } = await statesOf(db);
    expect({ submitting, unknown, retrying }).toEqual({ submitting: 0, unknown: 0, retrying: 0 });
    expect(accepted, 'begun after the signal').toBeGreaterThan(0);
    const held = await platform.transactions();
    expect(held).toHaveLength(sent.length - accepted);

    await house.startWorkers('workers-2');
    await untilAllSettled(db);
    await expectEachOnce(db, platform, sent);
  });
});
