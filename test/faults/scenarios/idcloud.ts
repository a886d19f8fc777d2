import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openPlatform } from '../../stack/platform.ts';
import { waitFor } from '../../stack/wait-for.ts';
import { openIdcloud } from '../idcloud-creates.fixture.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';
import { statesOf, untilState } from '../settling.fixture.ts';

/** Creates that stay with the platform until it is told to finish them, or until they are looked at once more. */
const WAITING = 10;

export const idcloudScenarios: readonly Scenario[] = [
  {
    name: 'token-dies-under-load',
    proves:
      '200 creates over two workers, the token dies, and the identity host fails and then is slow: one process at a time asks for the next, nobody is refused for a 401, and each process exists once.',
    backends: BOTH,
    volume: { acknowledged: 200, met: 4 },
    async run(scene) {
      const { house, nextCreate, create, met } = scene;
      const [platform, keeper] = [openPlatform(house.idcloud.url), openIdcloud(house)];
      await house.startWorkers('workers-2');
      const all = Promise.all(Array.from({ length: 200 }, () => create(nextCreate())));
      const there = async () => (await keeper.processes()).length;
      for (const failures of [3, 0]) {
        const sofar = await there();
        await waitFor(async () => (await there()) >= sofar + 30, { what: 'thirty more processes' });
        const asked = (await platform.received('token')).length;
        const refused = await unauthorised(scene);
        await platform.misbehave({ operation: 'token', fault: { type: 'latency', ms: 1_500 }, times: failures + 1 });
        if (failures > 0) {
          await platform.misbehave({ operation: 'token', fault: { type: 'status', status: 500 }, times: failures });
        }
        await keeper.revokeTokens();
        met();
        await waitFor(async () => (await platform.received('token')).length >= asked + failures + 1, {
          what: 'a new token asked for',
        });
        const now = await there();
        await waitFor(async () => (await there()) >= now + 10, { what: 'ten processes under the new token' });
        assert.equal((await platform.received('token')).length - asked, failures + 1, 'calls for one token');
        assert.ok((await unauthorised(scene)) > refused, 'nobody met the dead token');
        met();
      }
      const answers = await all;
      assert.ok(answers.every(({ acknowledged }) => acknowledged));
      await untilState(house.db, 'concluded', 200);
    },
  },
  {
    name: 'notices-of-all-kinds',
    proves:
      'Notices that are unsigned, forged, damaged, of nobody’s process, five at once and replayed: 401 or 400 without a change, or one effect; while the secret is changed the old one and the new one are taken, and afterwards the old one no longer.',
    backends: ['postgres'],
    volume: { acknowledged: WAITING, met: WAITING * 10 },
    async run(scene) {
      const { house, met } = scene;
      const [platform, keeper] = [openPlatform(house.idcloud.url), openIdcloud(house)];
      // Notices come from here alone.
      await keeper.register(null);
      await waitingCreates(scene, WAITING);
      const ids = (await keeper.processes()).map(({ id }) => id);
      // Nobody looks by himself.
      await house.db.query(`update transactions set due_at = now() + interval '1 hour'`);
      const [file, accounts] = await readAccounts(house.dir);
      const [account] = accounts;
      assert.ok(account);
      const { webhook: old } = account;
      const send = (id: string, { password }: { password: string }, body = JSON.stringify({ processId: id })) =>
        notify(house.gateway.url, body, `Basic ${Buffer.from(`unico:${password}`).toString('base64')}`);

      const before = await picture(scene);
      for (const id of ids) {
        assert.equal(await notify(house.gateway.url, JSON.stringify({ processId: id })), 401);
        assert.equal(await send(id, { password: 'forged' }), 401);
        assert.equal(await send(id, old, `{"processId":"${id}`), 400);
        assert.equal(await send(id, old, JSON.stringify({ processId: [id] })), 400);
        assert.equal(await send(randomUUID(), old), 204);
        met(5);
      }
      assert.deepEqual(await picture(scene), before);

      const fresh = { ...old, password: randomUUID() };
      const reopen = async (changed: object) => {
        await writeFile(file, JSON.stringify([{ ...account, ...changed }]));
        await house.restartGateway();
      };
      await reopen({ webhook: fresh, webhookBefore: old });
      // Each is told of five times at once, by the old secret and by the new one.
      const statuses = await Promise.all(
        ids.flatMap((id) => [old, fresh, old, fresh, old].map((secret) => send(id, secret))),
      );
      assert.deepEqual([...new Set(statuses)], [204]);
      met(statuses.length);
      await waitFor(async () => (await statesOf(house.db)).concluded === WAITING, { what: 'the end of all' });
      const reads = (await platform.received('getProcess')).length;
      // Two at most for each: a job takes what came before it, and a notice may come while it asks.
      assert.ok(reads <= WAITING * 2, `${reads} questions about ${WAITING}`);

      await reopen({ webhook: fresh });
      const after = await picture(scene);
      for (const id of ids) {
        assert.equal(await send(id, old), 401);
        assert.equal(await send(id, fresh), 204);
        met(2);
      }
      assert.deepEqual(await picture(scene), after);
      assert.equal((await platform.received('getProcess')).length, reads);
    },
  },
  {
    name: 'notices-come-early',
    proves:
      'A notice that comes before the answer that names its process is parked, and taken up with the answer; a word of the platform that is older than the last one is kept for the time and ends nothing.',
    backends: BOTH,
    volume: { acknowledged: 2 * WAITING, met: WAITING },
    async run(scene) {
      const { house, deliver, met } = scene;
      const keeper = openIdcloud(house);
      const [, [account]] = await readAccounts(house.dir);
      await keeper.register({
        url: `${house.gateway.url}/webhooks/idcloud/idcloud`,
        authentication: account?.webhook,
        duplicates: 1,
        spreadMs: 200,
        beforeAnswer: true,
      });
      await waitingCreates(scene, WAITING, 'concluded');
      const parked = await notices(scene, 'parked');
      assert.ok(parked >= WAITING, `${parked} notices were parked`);
      met(parked);
      assert.equal((await house.db.query('select from parked_notices')).rowCount, 0);

      // SPID Server says that it stands as an exception, and then what it said before.
      for (const word of ['ENROLL_PENDING', 'ENROLL_EXCEPTION']) {
        const fault = { type: 'status-word', word } as const;
        await house.platform.misbehave({ operation: 'getEnrollResult', fault, times: WAITING });
      }
      await deliver(WAITING);
      await untilState(house.db, 'concluded', 2 * WAITING);
      const { rows } = await house.db.query<{ words: string }>(
        `select distinct (select string_agg(detail ->> 'upstreamStatus', ' ' order by seq) from transaction_events e
           where e.transaction_id = t.id and type in ('taken', 'progressed', 'concluded')) as words
         from transactions t where kind = 'spid.enroll'`,
      );
      const words = rows.map((row) => row.words);
      assert.ok(words.includes('ENROLL_PENDING ENROLL_EXCEPTION ENROLL_PENDING ENROLL_OK'), words.join(', '));
    },
  },
];

/** Delivers creates whose answer comes later, and waits until so many transactions stand there. */
async function waitingCreates(
  { house, nextCreate, create }: Scene,
  count: number,
  state: 'awaiting' | 'concluded' = 'awaiting',
): Promise<void> {
  const creates = Array.from({ length: count }, nextCreate);
  const keeper = openIdcloud(house);
  await Promise.all(creates.map(({ cpf }) => keeper.course(cpf, 'processing')));
  const answers = await Promise.all(creates.map(create));
  assert.ok(answers.every(({ acknowledged }) => acknowledged));
  await untilState(house.db, state, count);
}

interface AccountOfFile {
  webhook: { password: string };
}

async function readAccounts(dir: string): Promise<[file: string, accounts: AccountOfFile[]]> {
  const file = path.join(dir, 'idcloud-accounts.json');
  return [file, JSON.parse(await readFile(file, 'utf8')) as AccountOfFile[]];
}

/** @returns the status */
async function notify(gateway: string, body: string, authorization?: string): Promise<number> {
  const { status } = await fetch(`${gateway}/webhooks/idcloud/idcloud`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    body,
  });
  return status;
}

/** Everything of every transaction. */
async function picture({ house }: Scene): Promise<unknown[]> {
  const { rows } = await house.db.query(
    'select id, state, version, due_at, upstream_id, verdict, updated_at from transactions order by id',
  );
  return rows;
}

/** Creates that met a token that was dead. */
async function unauthorised({ house }: Scene): Promise<number> {
  const creates = await openPlatform(house.idcloud.url).received('createProcess');
  return creates.filter(({ status }) => status === 403).length;
}

async function notices({ house }: Scene, outcome: string): Promise<number> {
  const scraped = await fetch(`${house.gateway.url}/metrics`, { headers: { authorization: `Bearer ${house.key}` } });
  const series = new RegExp(`^atesto_webhook_notices_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm');
  return Number(series.exec(await scraped.text())?.[1] ?? 0);
}
