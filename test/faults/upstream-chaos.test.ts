import type { BehaviourRequest } from '@atesto/simulators/behaviour';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliver, enrolmentsOf } from './enrolments.fixture.ts';
import { expectReplays, repeated } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { untilAllSettled } from './settling.fixture.ts';

const COUNT = 100;
const SUBMIT_TIMEOUT_MS = 1_500;

/** Every way in which the platform can misbehave, over every operation. Which call meets which is drawn from the simulator's seed. */
const chaos: BehaviourRequest[] = [
  { fault: { type: 'latency', ms: 300 }, probability: 0.1 },
  { fault: { type: 'latency', ms: 300, when: 'after' }, probability: 0.1 },
  // Longer than the worker waits: taken, and never answered.
  { operation: 'enroll', fault: { type: 'latency', ms: 20_000, when: 'after' }, probability: 0.05 },
  // Longer than the worker waits: hung up on before it was read.
  { operation: 'enroll', fault: { type: 'latency', ms: 20_000 }, probability: 0.05 },
  { fault: { type: 'status', status: 500 }, probability: 0.07 },
  { fault: { type: 'status', status: 502 }, probability: 0.04 },
  { fault: { type: 'status', status: 503 }, probability: 0.07 },
  { fault: { type: 'status', status: 429, retryAfterSeconds: 1 }, probability: 0.04 },
  { fault: { type: 'drop-before-read' }, probability: 0.08 },
  { fault: { type: 'drop-after-accept' }, probability: 0.08 },
  { fault: { type: 'accept-without-body' }, probability: 0.08 },
  { fault: { type: 'malformed-json' }, probability: 0.08 },
  { fault: { type: 'slow-body', ms: 200 }, probability: 0.05 },
];

describe('a platform that misbehaves in every way', { timeout: 60_000 }, () => {
  let house: FaultHouse;
  beforeAll(async () => {
    house = await openFaultHouse({
      enrollDelayMs: 1_000,
      env: {
        SPID_SERVER_SUBMIT_TIMEOUT_MS: String(SUBMIT_TIMEOUT_MS),
        IDCLOUD_SUBMIT_TIMEOUT_MS: String(SUBMIT_TIMEOUT_MS),
        SPID_SERVER_READ_TIMEOUT_MS: '1000',
        SPID_SERVER_CONNECTIONS: '64',
        WORKER_CONCURRENCY: '64',
        LEASE_MS: '5000',
      },
    });
  });
  afterAll(() => house?.close());

  it('gets each transaction once, and each comes to an end that says why', async () => {
    const { db, platform } = house;
    await platform.misbehave(...chaos);
    const next = enrolmentsOf('chaos');
    const sent = Array.from({ length: COUNT }, next);
    const answers = await Promise.all(sent.map((enrolment) => deliver(house, enrolment)));
    expect(answers.filter(({ acknowledged }) => !acknowledged)).toEqual([]);
    // The faults last until half are through in spite of them.
    await expect.poll(() => settled(house), { timeout: 20_000 }).toBeGreaterThan(COUNT / 2);
    await platform.behave();
    await untilAllSettled(db);

    const held = await platform.transactions();
    expect(repeated(held), 'sent twice').toEqual([]);
    const there = new Set(held.map(({ subject, timestamp }) => `${subject} ${timestamp}`));
    const went = new Set<string>();
    for (const { id, cpf, capturedAt } of sent) {
      const row = await expectReplays(db, id);
      if (row.state === 'concluded') expect(there).toContain(`${cpf} ${capturedAt}`);
      else expect(row).toMatchObject({ state: 'dead', reason: expect.stringMatching(/^[a-z-]+$/) });
      went.add(row.state);
    }
    expect([...went]).toContain('concluded');
    // The mix did bite: sends failed, and answers were lost.
    const { rows } = await db.query('select distinct type from transaction_events');
    expect(rows.map(({ type }) => type)).toEqual(expect.arrayContaining(['failed', 'lost', 'absent']));
  });
});

async function settled({ db }: FaultHouse): Promise<number> {
  const { rows } = await db.query(
    `select count(*)::int as count from transactions where state in ('concluded', 'dead')`,
  );
  return rows[0]?.count;
}
