import assert from 'node:assert/strict';
import { waitFor } from '../../stack/wait-for.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import { statesOf, untilState } from '../settling.fixture.ts';

export const batchScenarios: readonly Scenario[] = [
  {
    name: 'batch-partly-refused',
    proves:
      'Resend all of ten of which the platform refuses three and answers one too late: each has its own end, only the late one is asked for, and nothing is sent twice.',
    backends: BOTH,
    scene: {
      env: { SPID_SERVER_SUBMIT_TIMEOUT_MS: '1500', IDCLOUD_SUBMIT_TIMEOUT_MS: '1500', LEASE_MS: '4000' },
    },
    volume: { acknowledged: 10, met: 4, dead: 3 },
    async run({ house, deliver, met }) {
      const { platform, db } = house;
      await platform.misbehave({ operation: 'enroll', fault: { type: 'status', status: 503 } });
      await deliver(10);
      await untilState(db, 'retrying', 10);
      // None of them comes up by itself: what is sent from now on, the run sends.
      await db.query(`update transactions set due_at = now() + interval '1 hour'`);
      await platform.behave();
      await platform.misbehave(
        { operation: 'enroll', fault: { type: 'status', status: 422 }, times: 3 },
        { operation: 'enroll', fault: { type: 'latency', ms: 600_000, when: 'after' }, times: 1 },
      );
      const before = (await platform.received('enroll')).length;
      await house.api(house.key, 'POST', '/v1/transactions/resend', {});
      await waitFor(
        async () => {
          const { concluded, dead } = await statesOf(db);
          return concluded === 7 && dead === 3;
        },
        { what: 'ten ends' },
      );
      const { rows } = await db.query<{ type: string; count: number }>(
        `select type, count(distinct transaction_id)::int as count from transaction_events
         where type in ('refused', 'taken', 'lost', 'found', 'concluded', 'absent') group by type`,
      );
      const count = Object.fromEntries(rows.map(({ type, count: of }) => [type, of]));
      assert.deepEqual([count.refused, count.lost, count.absent, count.concluded], [3, 1, undefined, 7]);
      assert.equal((await platform.received('enroll')).length - before, 10);
      const asked = (await platform.received('getPersonTransactionData')).map(({ params }) =>
        Object.values(params).join(),
      );
      assert.equal(new Set(asked).size, 1, 'people whose transactions were asked for');
      met((count.refused ?? 0) + (count.lost ?? 0));
    },
  },
];
