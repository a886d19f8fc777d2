import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '../../stack/wait-for.ts';
import type { Scenario } from '../scenario.ts';
import { statesOf } from '../settling.fixture.ts';

export const storageScenarios: readonly Scenario[] = [
  {
    name: 'ledger-killed',
    proves:
      'PostgreSQL killed with -9 under load, commits under way: what was acknowledged is there, what was not is asked again, the gateway says that it is not ready.',
    backends: ['postgres', 'redis'],
    scene: {
      ownLedger: true,
      // A claim whose commit was made and whose answer was lost with the connection ends with its lease.
      env: { SPID_SERVER_SUBMIT_TIMEOUT_MS: '3000', IDCLOUD_SUBMIT_TIMEOUT_MS: '3000', LEASE_MS: '5000' },
    },
    volume: { acknowledged: 60, met: 3 },
    async run({ house, ledger, load, met, shown }) {
      assert.ok(ledger);
      const clients = load(8);
      for (let round = 0; round < 2; round++) {
        const before = clients.unanswered();
        await clients.more(20);
        await ledger.kill();
        const over = await shown('not ready', async () => !(await fetch(`${house.gateway.url}/readyz`)).ok);
        await waitFor(() => clients.unanswered() > before, { what: 'a request that the kill met' });
        met(clients.unanswered() - before);
        await ledger.restart();
        await over();
      }
      await clients.more(20, 'acknowledged enrolments after it');
      await clients.stop();
    },
  },
  {
    name: 'vault-full',
    proves:
      'A disk without room: 503 and nothing acknowledged that is not whole on disk; with room again the same requests are taken.',
    backends: ['postgres'],
    scene: { smallVault: true },
    volume: { acknowledged: 60, met: 10 },
    async run({ house, vault, deliver, met }) {
      await deliver(10);
      const ballast = path.join(vault.folder, 'ballast');
      await writeFile(ballast, Buffer.alloc(2 << 20)).catch((error: NodeJS.ErrnoException) => {
        assert.equal(error.code, 'ENOSPC');
      });
      const answers = await deliver(50);
      const refused = answers.filter(({ acknowledged }) => !acknowledged);
      for (const { status, type } of refused) {
        assert.equal(status, 503);
        assert.match(type ?? '', /^application\/problem\+json/);
      }
      met(refused.length);
      assert.equal((await fetch(`${house.gateway.url}/healthz`)).status, 200);
      vault.grow();
    },
  },
  {
    name: 'bodies-lost',
    proves: 'Transactions whose sealed body is gone from the disk end dead with the reason, and all others go on.',
    backends: ['postgres'],
    volume: { acknowledged: 30, met: 3, dead: 3 },
    async run({ house, vault, deliver, met }) {
      await house.workers.stop();
      await deliver(30);
      const { rows } = await house.db.query<{ payload: string }>(
        'select payload from transactions order by id limit 3',
      );
      for (const { payload } of rows) {
        await rm(await vault.fileOf(payload));
        met();
      }
      await house.startWorkers('workers-2');
      await waitFor(async () => (await statesOf(house.db)).concluded === 27, { what: 'the end of all others' });
      await waitFor(async () => (await statesOf(house.db)).dead === 3, { what: 'the end of those without a body' });
      const reasons = await house.db.query(`select distinct reason from transactions where state = 'dead'`);
      assert.deepEqual(reasons.rows, [{ reason: 'payload-missing' }]);
    },
  },
  {
    name: 'keys-rotated',
    proves:
      'A new key-encryption key, first known to all and then in front, under load: old bodies are read, new ones are under the new key. The old one is missed until every row is brought under the new one, and then it can go.',
    backends: ['postgres'],
    volume: { acknowledged: 65, met: 3 },
    async run({ house, load, deliver, met }) {
      const keys = await openKeys(house);
      const fresh = `rotated-2:${randomBytes(32).toString('base64')}`;
      const clients = load(6);
      let { workers } = house;
      const restart = async (name: string) => {
        await workers.stop();
        workers = await house.startWorkers(`workers-${name}`);
        await house.restartGateway();
      };
      for (const [name, kek] of [
        ['behind', `${keys.kek},${fresh}`],
        ['in-front', `${fresh},${keys.kek}`],
      ] as const) {
        await clients.more(20);
        await keys.write({ kek });
        await restart(name);
        met();
      }
      await clients.more(20, 'enrolments under the new key');
      await clients.stop();
      // A wrapped key begins with its version, and with the length and the id of the key that wraps it.
      const { rows } = await house.db.query<{ count: number }>(
        `select count(*)::int as count from transactions where position('rotated-2'::bytea in wrapped_key) = 3`,
      );
      assert.ok((rows[0]?.count ?? 0) >= 20, `${rows[0]?.count} are under the new key`);

      await keys.write({ kek: fresh });
      await assert.rejects(house.startWorkers('workers-early'), /the key embedded-1 is missing/);
      met();
      await keys.write({ kek: `${fresh},${keys.kek}` });
      await workers.stop();
      const saying = async () => (await house.rotateKeys()).includes('0 captures, 0 transactions');
      await waitFor(saying, { what: 'rows that are all under the new key' });
      await keys.write({ kek: fresh });
      await restart('without-the-old');
      await deliver(5);
    },
  },
  {
    name: 'keys-of-another-house',
    proves:
      'Gateway and workers that are given other keys than the ledger’s, or a file of keys that was just made because the old one is gone, say so and do not start: nothing is taken for damaged. With the keys of before all goes on.',
    backends: ['postgres'],
    volume: { acknowledged: 24, met: 6 },
    async run({ house, deliver, met }) {
      const keys = await openKeys(house);
      await house.workers.stop();
      await deliver(20);
      const another = () => randomBytes(32).toString('base64');
      for (const [what, change, complaint] of [
        ['gone', () => rm(keys.file), /was made just now, the key embedded-1 is another one/],
        ['index', () => keys.write({ indexKey: another() }), /the index key is not the one/],
        ['id', () => keys.write({ kek: `other:${another()}` }), /the key embedded-1 is missing/],
      ] as const) {
        await change();
        await assert.rejects(house.startWorkers(`workers-${what}`), complaint);
        // It finds the file that the workers made.
        await assert.rejects(house.startGateway(`gateway-${what}`), /ended with 1 .*ATESTO_STATE_DIR: in /s);
        met(2);
        await keys.write({});
      }
      assert.deepEqual(await statesOf(house.db), { accepted: 20 });
      await house.startWorkers('workers-2');
      await house.restartGateway();
      await deliver(4);
    },
  },
];

/** The file of keys that gateway and workers share. */
async function openKeys({ dir }: { dir: string }) {
  const file = path.join(dir, 'state', 'keys.json');
  const { kek, indexKey } = JSON.parse(await readFile(file, 'utf8')) as { kek: string; indexKey: string };
  return {
    file,
    kek,
    /** What is not given is as it was. */
    write: (changed: { kek?: string; indexKey?: string }) =>
      writeFile(file, JSON.stringify({ kek, indexKey, ...changed }), { mode: 0o600 }),
  };
}
