import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { findPrometheus, type Prometheus, startPrometheus } from '../../stack/prometheus.ts';
import { waitFor } from '../../stack/wait-for.ts';
import type { Scenario } from '../scenario.ts';
import { NotHere, type Scene } from '../scene.ts';
import { statesOf } from '../settling.fixture.ts';

const RULES = path.resolve(import.meta.dirname, '../../../deploy/prometheus/atesto.rules.yml');

export const alertScenarios: readonly Scenario[] = [
  {
    name: 'alerts-fire-and-clear',
    proves:
      'A real Prometheus with the rules as they are delivered, a minute of theirs being a second: a platform that is away, work that waits, a body that was tampered with, what is dead for it, and workers that stand still each fire their alert, and it clears when it is mended.',
    backends: ['postgres'],
    volume: { acknowledged: 33, met: 5, dead: 1 },
    async run(scene) {
      const { house, deliver, met, shown } = scene;
      const prometheus = await watch(scene);
      try {
        const alert = (name: string) => shown(name, async () => (await prometheus.firing()).includes(name));
        await deliver(2);
        await waitFor(async () => (await statesOf(house.db)).concluded === 2, { what: 'the end of the first' });
        const isSeen = async () => (await prometheus.query('atesto_build_info')).length === 2;
        await waitFor(isSeen, { what: 'a scrape of both' });
        await waitFor(async () => (await prometheus.firing()).length === 0, { what: 'a house in which all is well' });

        house.workers.kill('SIGSTOP');
        await deliver(1);
        await tamper(scene);
        const nobodyWorks = await alert('AtestoNobodyWorks');
        house.workers.kill('SIGCONT');
        await nobodyWorks();
        const tampered = await alert('AtestoVaultTampered');
        const dead = await alert('AtestoDeadGrows');
        met(3);

        await house.platform.misbehave({ operation: 'enroll', fault: { type: 'status', status: 503 } });
        await deliver(30);
        const circuitOpen = await alert('AtestoCircuitOpen');
        await tampered();
        await waitFor(() => haveWaited(scene, 15), { what: 'fifteen seconds of the outage' });
        const oldestWaits = await alert('AtestoOldestWaitsTooLong');
        met(2);
        await house.platform.behave();
        await circuitOpen();
        await waitFor(async () => (await statesOf(house.db)).concluded === 32, { what: 'the end of all others' });
        await oldestWaits();
        await dead();
        assert.deepEqual(await prometheus.firing(), []);
      } finally {
        await prometheus.stop();
      }
    },
  },
];

async function watch({ house }: Scene): Promise<Prometheus> {
  const program = await findPrometheus('prometheus');
  if (program === undefined) throw new NotHere('no Prometheus: install prometheus');
  return startPrometheus(
    program,
    [
      { job: 'gateway', address: new URL(house.gateway.url).host, key: house.administrator },
      { job: 'workers', address: `127.0.0.1:${house.workers.record.port}` },
    ],
    sixtyTimesAsFast(await readFile(RULES, 'utf8')),
  );
}

/** Minutes become seconds, and so do what the rules have in seconds. */
function sixtyTimesAsFast(rules: string): string {
  return rules
    .replace(/\b(\d+)m\b/g, '$1s')
    .replace(/(_seconds.*) > (\d+)$/gm, (_rule, what, seconds) => `${what} > ${Number(seconds) / 60}`);
}

async function haveWaited({ house }: Scene, seconds: number): Promise<boolean> {
  const { rows } = await house.db.query<{ waited: boolean }>(
    `select min(accepted_at) < now() - $1 * interval '1 second' as waited from transactions where state in ('accepted', 'retrying')`,
    [seconds],
  );
  return rows[0]?.waited === true;
}

/** Another byte in the body of the only transaction that was not begun. */
async function tamper({ house, vault }: Scene): Promise<void> {
  const { rows } = await house.db.query<{ payload: string }>(
    `select payload from transactions where state = 'accepted'`,
  );
  const [only, ...others] = rows;
  assert.ok(only && others.length === 0);
  const file = await open(await vault.fileOf(only.payload), 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 20);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, 20);
  await file.close();
}
