import assert from 'node:assert/strict';
import { openQueues } from '@atesto/shared/queues/queues';
import { waitFor } from '../../stack/wait-for.ts';
import { BOTH, type Scenario, SHORT_LEASE } from '../scenario.ts';
import type { Scene } from '../scene.ts';
import { statesOf } from '../settling.fixture.ts';

export const workerScenarios: readonly Scenario[] = [
  {
    name: 'worker-killed',
    proves:
      'kill -9 of a worker before, during and after its sends: another asks first, and nothing is sent that was taken.',
    backends: BOTH,
    scene: { env: SHORT_LEASE },
    volume: { acknowledged: 40, met: 8 },
    async run(scene) {
      const { house, deliver } = scene;
      await house.platform.misbehave(
        { operation: 'enroll', fault: { type: 'latency', ms: 1_500, when: 'before' }, probability: 0.4 },
        { operation: 'enroll', fault: { type: 'latency', ms: 1_500, when: 'after' }, probability: 0.4 },
      );
      let worker = house.workers;
      for (let round = 1; round <= 2; round++) {
        const calls = (await house.platform.received('enroll')).length;
        await deliver(20);
        const sending = async () => (await house.platform.received('enroll')).length >= calls + 8;
        await waitFor(sending, { what: 'sends under way' });
        worker.kill('SIGKILL');
        await worker.exited;
        worker = await house.startWorkers(`workers-${round + 1}`);
      }
      await house.platform.behave();
      await waitFor(async () => (await lost(scene)) >= 8, { what: 'sends that the kills met' });
      scene.met(await lost(scene));
    },
  },
  {
    name: 'worker-frozen',
    proves: 'A worker that is stopped past its lease and comes back changes nothing any more; nothing is sent twice.',
    backends: BOTH,
    scene: { env: SHORT_LEASE },
    volume: { acknowledged: 12, met: 4 },
    async run(scene) {
      const { house, deliver } = scene;
      await house.platform.misbehave({ operation: 'enroll', fault: { type: 'latency', ms: 1_000, when: 'after' } });
      await deliver(12);
      await waitFor(async () => (await house.platform.transactions()).length >= 4, { what: 'taken sends' });
      house.workers.kill('SIGSTOP');
      await house.platform.behave();
      await house.startWorkers('workers-2');
      await waitFor(async () => (await lost(scene)) >= 4, { what: 'leases that are over' });
      scene.met(await lost(scene));
      await waitFor(async () => (await statesOf(house.db)).concluded === 12, { what: 'the end of all' });
      house.workers.kill('SIGCONT');
      house.workers.kill('SIGTERM');
      assert.deepEqual(await house.workers.exited, { code: 0, signal: null });
    },
  },
  {
    name: 'duplicate-deliveries',
    proves: 'Three workers that are handed the same moments over and over send each transaction once.',
    backends: BOTH,
    scene: { env: { TICK_MS: '20', REQUEUE_MS: '20' } },
    volume: { acknowledged: 90, met: 60 },
    async run({ house, redis, deliver, met }) {
      const workers = [house.workers, await house.startWorkers('workers-2'), await house.startWorkers('workers-3')];
      await house.platform.misbehave({ operation: 'enroll', fault: { type: 'latency', ms: 100 } });
      const url = redis ? `redis://127.0.0.1:${redis.port}` : house.databaseUrl;
      const queues = openQueues({ kind: redis ? 'redis' : 'postgres', url }, ['spid'], () => undefined);
      try {
        const handOutAgain = async () => {
          const { rows } = await house.db.query<{ id: string }>('select id from transactions');
          const moment = { kind: 'spid.enroll', state: 'accepted', version: 0, attempt: 0 } as const;
          await Promise.all(rows.map(({ id }) => queues.enqueue({ ...moment, id })));
        };
        for (let round = 0; round < 3; round++) {
          await deliver(30);
          // Each moment, which has passed for some, and for some is just being worked at.
          await handOutAgain();
        }
        await waitFor(async () => (await statesOf(house.db)).concluded === 90, { what: 'the end of all' });
        const handed = async () => {
          const counts = await Promise.all(workers.map(({ record }) => submits(record.port, house.key)));
          return counts.reduce((sum, count) => sum + count, 0);
        };
        // A moment that is in line already is not put there twice: on a slow machine it may still have been there each time.
        const isEnough = async () => (await handed()) >= 90 + 60 || handOutAgain().then(() => false);
        await waitFor(isEnough, { what: 'moments that were handed out again', everyMs: 500 });
        met((await handed()) - 90);
      } finally {
        await queues.close();
      }
      assert.equal((await house.platform.received('enroll')).length, 90);
    },
  },
  {
    name: 'rolling-restart',
    proves:
      'All workers restarted one after the other under load: no answer is lost and nothing is sent a second time.',
    backends: BOTH,
    volume: { acknowledged: 80, met: 4 },
    async run(scene) {
      const { house, load, met } = scene;
      let workers = [house.workers, await house.startWorkers('workers-b')];
      await house.platform.misbehave({ operation: 'enroll', fault: { type: 'latency', ms: 150, when: 'after' } });
      const clients = load(6);
      for (let round = 1; round <= 2; round++) {
        const fresh = [];
        for (const [at, worker] of workers.entries()) {
          await clients.more(20, 'load between two restarts');
          worker.kill('SIGTERM');
          assert.deepEqual(await worker.exited, { code: 0, signal: null });
          met();
          fresh.push(await house.startWorkers(`workers-${round}-${at}`));
        }
        workers = fresh;
      }
      await clients.stop();
      await house.platform.behave();
      await waitFor(async () => Object.keys(await statesOf(house.db)).join() === 'concluded', {
        what: 'the end of all',
      });
      assert.equal(await lost(scene), 0);
      const held = await house.platform.transactions();
      assert.equal((await house.platform.received('enroll')).length, held.length);
    },
  },
];

/** Jobs of sends that a worker was handed. */
async function submits(port: unknown, key: string): Promise<number> {
  const scraped = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  return Number(/^atesto_jobs_total\{job="submit",outcome="done"\} (\d+)$/m.exec(await scraped.text())?.[1] ?? 0);
}

async function lost({ house }: Scene): Promise<number> {
  const { rows } = await house.db.query(
    `select count(*)::int as count from transaction_events where type = 'lost' and detail ->> 'reason' = 'worker-lost'`,
  );
  return rows[0]?.count;
}
