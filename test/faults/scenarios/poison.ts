import assert from 'node:assert/strict';
import { WORKER_LOST } from '@atesto/shared/ledger/lost-workers';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { WORKERS_LOST_MAX } from '@atesto/workers/reconcile/decide-suspect';
import { waitFor } from '../../stack/wait-for.ts';
import { BOTH, type Scenario, SHORT_LEASE } from '../scenario.ts';
import type { Scene } from '../scene.ts';

export const poisonScenarios: readonly Scenario[] = [
  {
    name: 'poison-ends-workers',
    proves:
      'A transaction at which the worker process dies each time: after five it is dead with the reason and counted, all others go through meanwhile, and a person’s resend sends it.',
    backends: BOTH,
    scene: {
      env: SHORT_LEASE,
    },
    volume: { acknowledged: 30, met: WORKERS_LOST_MAX },
    async run(scene) {
      const { house, line, next, again, load, met } = scene;
      const poison = next();
      // In what is sent, and not where it is asked for.
      line.fail({ type: 'swallow', text: `"userId":"${poison.cpf}"` });
      let worker = house.workers;
      await again(poison);
      const clients = load(3);
      const row = () => getTransaction(house.db, poison.id);
      for (let deaths = 0; (await row())?.state !== 'dead'; ) {
        const swallowed = line.met();
        await waitFor(
          async () => {
            // What was put off for minutes, so that it dies alone, is not waited for here.
            await house.db.query(
              `update transactions set due_at = now() where state in ('retrying', 'unknown') and due_at > now() + interval '2 seconds'`,
            );
            return line.met() > swallowed || (await row())?.state === 'dead';
          },
          { what: 'the poison under way, or given up' },
        );
        if (line.met() === swallowed) break;
        assert.ok(++deaths <= WORKERS_LOST_MAX, 'a worker more than it takes to see what ends them');
        worker.kill('SIGKILL');
        await worker.exited;
        met();
        worker = await house.startWorkers(`workers-after-${deaths}`);
      }
      assert.equal((await row())?.reason, 'worker-lost-often');
      const dead = async () => (await scrape(scene, worker.record.port)).dead === 1;
      const over = await scene.shown('a dead transaction in the metrics', dead);
      await clients.more(10, 'others that go through');
      await clients.stop();
      await waitFor(async () => (await unsettled(scene)) === 0, { what: 'the end of all others' });
      line.fail(undefined);
      await house.api(house.key, 'POST', `/v1/transactions/${poison.id}/resend`, {});
      await waitFor(async () => (await row())?.state === 'concluded', { what: 'the end of what was resent' });
      await over();
      const lost = await house.db.query(
        `select count(*)::int as count from transaction_events where transaction_id = $1 and type = 'lost' and detail ->> 'reason' = $2`,
        [poison.id, WORKER_LOST],
      );
      assert.equal(lost.rows[0]?.count, WORKERS_LOST_MAX);
    },
  },
  {
    name: 'poison-throws',
    proves:
      'A transaction at which the work itself fails each time is counted and comes up ever more seldom, while all others go through; mended, it ends well.',
    backends: ['postgres'],
    volume: { acknowledged: 21, met: 2 },
    async run(scene) {
      const { house, line, next, again, deliver, met } = scene;
      const poison = next();
      await house.workers.stop();
      await again(poison);
      const sealed = await house.db.query<{ id: string; cpf_sealed: Buffer }>(
        'select s.id, s.cpf_sealed from subjects s join transactions t on t.subject = s.id where t.id = $1',
        [poison.id],
      );
      const [subject] = sealed.rows;
      assert.ok(subject);
      const seal = (bytes: Buffer) =>
        house.db.query('update subjects set cpf_sealed = $2 where id = $1', [subject.id, bytes]);
      // Nobody can read whom it is about, so that nobody can ask for it: its answer is lost.
      await seal(Buffer.from(subject.cpf_sealed).reverse());
      line.fail({ type: 'drop-answer' }, 1);
      const worker = await house.startWorkers('workers-2');
      const failed = async () => (await scrape(scene, worker.record.port)).failed;
      const row = () => getTransaction(house.db, poison.id);
      await waitFor(async () => (await failed()) >= 1, { what: 'work that failed' });
      met();
      // As if it had been like this for an hour.
      await house.db.query(
        `update transactions set updated_at = now() - interval '1 hour', due_at = now() where id = $1`,
        [poison.id],
      );
      await waitFor(async () => (await failed()) >= 2, { what: 'work that failed again' });
      met();
      const later = async () => ((await row())?.dueAt?.getTime() ?? 0) - Date.now() > 14 * 60_000;
      await waitFor(later, { what: 'a quarter of an hour until the next try' });
      assert.equal((await row())?.state, 'unknown');
      await deliver(20);
      await waitFor(async () => (await unsettled(scene)) === 1, { what: 'the end of all others' });
      await seal(subject.cpf_sealed);
    },
  },
];

/** Transactions that still move, the dead left out. */
async function unsettled({ house }: Scene): Promise<number> {
  const { rows } = await house.db.query<{ count: number }>(
    `select count(*)::int as count from transactions where state not in ('concluded', 'dead')`,
  );
  return rows[0]?.count ?? 0;
}

/** What a worker shows of the dead, and of work that failed. */
async function scrape({ house }: Scene, port: unknown): Promise<{ dead: number; failed: number }> {
  const scraped = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { authorization: `Bearer ${house.key}` },
  });
  const text = await scraped.text();
  const count = (series: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`atesto_${series}`))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  return {
    dead: count('transactions{state="dead",upstream="spid"}'),
    failed: count('jobs_total{job="reconcile",outcome="failed"}'),
  };
}
