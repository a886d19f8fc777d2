import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceProcess } from '../stack/processes.ts';
import { waitFor } from '../stack/wait-for.ts';
import { deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { statesOf, untilAllSettled, untilState } from './settling.fixture.ts';

/** Longer than any test: a call under this delay never gets its answer. */
const NEVER_MS = 600_000;
const SUBMIT_TIMEOUT_MS = 4_000;
const LEASE_MS = 4_500;

describe('a worker that dies while it sends', { timeout: 60_000 }, () => {
  let house: FaultHouse;
  let worker: ServiceProcess;
  const next = enrolmentsOf('mid-send');
  const sent: Enrolment[] = [];
  beforeAll(async () => {
    house = await openFaultHouse({
      env: {
        SPID_SERVER_SUBMIT_TIMEOUT_MS: String(SUBMIT_TIMEOUT_MS),
        IDCLOUD_SUBMIT_TIMEOUT_MS: String(SUBMIT_TIMEOUT_MS),
        LEASE_MS: String(LEASE_MS),
      },
    });
    worker = house.workers;
  });
  afterAll(() => house?.close());
  beforeEach(() => house.platform.behave());

  it('is succeeded by one that asks first: nothing is lost, nothing is sent twice', async () => {
    // The first calls wait before a byte of them is read, the others are taken and their answers never come.
    const [unread, taken] = [4, 4];
    await house.platform.misbehave(
      { operation: 'enroll', fault: { type: 'latency', ms: NEVER_MS, when: 'before' }, times: unread },
      { operation: 'enroll', fault: { type: 'latency', ms: NEVER_MS, when: 'after' }, times: taken },
    );
    await accept(unread + taken);
    await waitFor(async () => (await house.platform.received('enroll')).length === unread + taken, {
      what: 'every call at the platform',
    });
    await waitFor(async () => (await house.platform.transactions()).length === taken, { what: 'the taken ones' });
    expect(await statesOf(house.db)).toEqual({ submitting: unread + taken });
    worker.kill('SIGKILL');
    await worker.exited;
    worker = await house.startWorkers('workers-2');

    await untilAllSettled(house.db);
    await expectEachOnce(house.db, house.platform, sent);
    // Only what had not been read went out again.
    expect(await house.platform.received('enroll')).toHaveLength(unread + taken + unread);
    const { rows } = await house.db.query(
      `select detail ->> 'reason' as reason, count(*)::int as count from transaction_events where type = 'lost' group by 1`,
    );
    expect(rows).toEqual([{ reason: 'worker-lost', count: unread + taken }]);
  });

  it('sends nothing when it was frozen at its claim until its lease was over', async () => {
    await worker.stop();
    await accept(4);
    const held = await house.db.connect();
    await held.query(`begin; select 1 from transactions where state = 'accepted' for update`);
    const frozen = await house.startWorkers('workers-frozen');
    const claiming = `select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    await waitFor(async () => (await house.db.query(claiming)).rows[0]?.count === 4, { what: 'four claims under way' });
    frozen.kill('SIGSTOP');
    await held.query('commit');
    held.release();
    // The ledger has written down the claims, and the worker does not know yet.
    await untilState(house.db, 'submitting', 4);
    worker = await house.startWorkers('workers-3');
    await untilAllSettled(house.db);
    await expectEachOnce(house.db, house.platform, sent);

    frozen.kill('SIGCONT');
    frozen.kill('SIGTERM');
    expect(await frozen.exited).toEqual({ code: 0, signal: null });
    await expectEachOnce(house.db, house.platform, sent);
  });

  async function accept(count: number): Promise<void> {
    const enrolments = Array.from({ length: count }, next);
    sent.push(...enrolments);
    const answers = await Promise.all(enrolments.map((enrolment) => deliver(house, enrolment)));
    expect(answers.filter(({ acknowledged }) => !acknowledged)).toEqual([]);
  }
});
