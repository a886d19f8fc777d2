import assert from 'node:assert/strict';
import { openPlatform } from '../../stack/platform.ts';
import { waitFor } from '../../stack/wait-for.ts';
import { BOTH, type Scenario, SHORT_LEASE } from '../scenario.ts';
import type { Scene } from '../scene.ts';
import { statesOf, untilState } from '../settling.fixture.ts';

const TEN_MINUTES = 600;
const ENROLL_DELAY_MS = 4_000;

export const clockScenarios: readonly Scenario[] = [
  {
    name: 'clocks-skewed',
    proves:
      'Gateway and one worker ten minutes ahead, another worker and a station ten minutes behind: polls and retries keep their time, lost answers are found, IDCloud takes every assertion, events are in order.',
    backends: BOTH,
    scene: { clockSeconds: TEN_MINUTES, enrollDelayMs: ENROLL_DELAY_MS },
    volume: { acknowledged: 36, met: 4 },
    async run(scene) {
      const { house, line, next, again, nextCreate, create, met } = scene;
      const behind = await clockOf(scene).another(-TEN_MINUTES);
      await house.startWorkers('workers-behind', behind.env);
      line.fail({ type: 'drop-answer' }, 4);
      // A station's clock shows in what it captured.
      const skews = [-TEN_MINUTES, 0, TEN_MINUTES];
      const captured = Array.from({ length: 24 }, (_, at) => {
        const one = next();
        return { ...one, capturedAt: one.capturedAt + (skews[at % skews.length] ?? 0) * 1_000 };
      });
      const creates = Array.from({ length: 6 }, nextCreate);
      await Promise.all([...captured.map(again), ...creates.map(create)]);
      await waitFor(() => line.met() >= 4, { what: 'answers that were lost' });
      met(line.met());
      // Nobody makes them due: an age by a worker's clock would have them wait for minutes.
      await waitFor(async () => (await statesOf(house.db)).concluded === 30, {
        what: 'the end of all, in its time',
        timeoutMs: 3 * ENROLL_DELAY_MS,
      });
      const tokens = await openPlatform(house.idcloud.url).received('token');
      assert.deepEqual(new Set(tokens.map(({ status }) => status)), new Set([200]));
      // After 1 s, then each quarter of the age: about six in four seconds.
      const asked = (await house.platform.received('getEnrollResult')).length;
      assert.ok(asked <= 24 * 10, `${asked} polls of 24`);

      await house.platform.misbehave({ operation: 'enroll', fault: { type: 'status', status: 503 } });
      const calls = (await house.platform.received('enroll')).length;
      await scene.deliver(6);
      const since = performance.now();
      await waitFor(() => performance.now() - since > 4_000, { what: 'an outage of four seconds' });
      const tries = (await house.platform.received('enroll')).length - calls;
      // First sends, and what full jitter over 2 s, doubling, leaves room for. A storm would be hundreds.
      assert.ok(tries >= 6 && tries <= 6 * 6, `${tries} calls of 6 in an outage of four seconds`);
      await house.platform.behave();
      await inOrder(scene);
    },
  },
  {
    name: 'clock-set-back',
    proves:
      'The clock of gateway and workers is set back and forth by 20 minutes under load and nothing stands still; a worker that was frozen, and whose clock is set back meanwhile, sends nothing under its old claim.',
    backends: ['postgres'],
    scene: {
      clockSeconds: TEN_MINUTES,
      // A rate whose windows are full after the jump: they end by the clock that wrote them.
      env: { ...SHORT_LEASE, SPID_SERVER_RATE: '200' },
    },
    volume: { acknowledged: 64, met: 6 },
    async run(scene) {
      const { house, load, deliver, met } = scene;
      const clock = clockOf(scene);
      const clients = load(6);
      for (const seconds of [-TEN_MINUTES, TEN_MINUTES]) {
        await clients.more(20);
        await clock.set(seconds);
        await waitFor(() => seen(scene, seconds), { what: 'a gateway that goes by the new time' });
        met();
        await clients.more(10, 'enrolments after the jump');
      }
      await clients.stop();
      await waitFor(async () => Object.keys(await statesOf(house.db)).join() === 'concluded', {
        what: 'the end of all, in its time',
        timeoutMs: 15_000,
      });
      await house.workers.stop();
      const before = (await house.platform.received('enroll')).length;
      await deliver(4);
      // The frozen one has claimed, and does not know yet.
      const held = await house.db.connect();
      await held.query(`begin; select 1 from transactions where state = 'accepted' for update`);
      const ahead = await clock.another(TEN_MINUTES);
      const frozen = await house.startWorkers('workers-frozen', ahead.env);
      const claiming = `select count(*)::int as count from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      await waitFor(async () => (await house.db.query(claiming)).rows[0]?.count === 4, {
        what: 'four claims under way',
      });
      frozen.kill('SIGSTOP');
      await held.query('commit');
      held.release();
      await untilState(house.db, 'submitting', 4);
      met(4);
      await ahead.set(-TEN_MINUTES);
      await house.startWorkers('workers-2');
      await waitFor(async () => Object.keys(await statesOf(house.db)).join() === 'concluded', {
        what: 'the end of all',
      });
      frozen.kill('SIGCONT');
      frozen.kill('SIGTERM');
      assert.deepEqual(await frozen.exited, { code: 0, signal: null });
      assert.equal((await house.platform.received('enroll')).length - before, 4);
      await inOrder(scene);
    },
  },
];

function clockOf({ clock }: Scene) {
  if (!clock) throw new Error('this scenario needs a clock');
  return clock;
}

/** The gateway's `Date` header shows its clock. */
async function seen({ house }: Scene, seconds: number): Promise<boolean> {
  const { headers } = await fetch(`${house.gateway.url}/healthz`);
  return Math.abs(Date.parse(headers.get('date') ?? '') - Date.now() - seconds * 1_000) < 5_000;
}

/** Events of a transaction have a number and the ledger's time, and both agree. */
async function inOrder({ house }: Scene): Promise<void> {
  const { rows } = await house.db.query<{ events: number; late: number }>(
    `select count(*)::int as events, count(*) filter (where at < before)::int as late
     from (select at, lag(at) over (partition by transaction_id order by seq) as before from transaction_events) e`,
  );
  assert.ok((rows[0]?.events ?? 0) > 0);
  assert.equal(rows[0]?.late, 0, 'events that are older than the ones before them');
}
