import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import type { TransactionState } from '@atesto/shared/domain/transaction';
import { waitFor } from '../../stack/wait-for.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';
import { eventsOf, statesOf, untilAllSettled, untilErased } from '../settling.fixture.ts';

/** Where an erasure finds a transaction, what brings some there, and how many are taken of it. */
interface Place {
  state: TransactionState;
  from?(scene: Scene): Promise<void> | void;
}
const TAKEN = 8;
const misbehave = (...faults: Parameters<Scene['house']['platform']['misbehave']>) => {
  return ({ house }: Scene) => house.platform.misbehave(...faults);
};

/** Times are those of the scene: sends that take half a second stand in `submitting` for as long. */
const places: readonly Place[] = [
  { state: 'accepted', from: misbehave({ operation: 'enroll', fault: { type: 'latency', ms: 400 } }) },
  { state: 'submitting', from: misbehave({ operation: 'enroll', fault: { type: 'latency', ms: 500, when: 'after' } }) },
  // What fails after somebody asked for its erasure is not sent again.
  {
    state: 'submitting',
    from: misbehave(
      { operation: 'enroll', fault: { type: 'status', status: 503 } },
      { operation: 'enroll', fault: { type: 'latency', ms: 500 } },
    ),
  },
  { state: 'retrying', from: misbehave({ operation: 'enroll', fault: { type: 'status', status: 503 } }) },
  { state: 'unknown', from: misbehave({ operation: 'enroll', fault: { type: 'drop-after-accept' } }) },
  { state: 'awaiting' },
  { state: 'concluded' },
];

export const erasureScenarios: readonly Scenario[] = [
  {
    name: 'erased-under-load',
    proves:
      'Erasures in line, while sending, unknown, awaited and after the end: all end erased, none is sent after it, keys, files and people are gone.',
    backends: BOTH,
    // A worker that takes few at a time has a line before it.
    scene: { env: { WORKER_CONCURRENCY: '6' } },
    volume: { acknowledged: 100, met: places.length * TAKEN },
    async run(scene) {
      const { house, load, met } = scene;
      const clients = load(12);
      for (const { state, from } of places) {
        await house.platform.behave();
        // What was failing before may have opened the circuit.
        const before = await eventsOf(scene.house.db, 'taken');
        await waitFor(async () => (await eventsOf(scene.house.db, 'taken')) > before + 10, {
          what: 'sends that end well',
        });
        // Nobody asks for an answer while there is something to send.
        if (state === 'concluded') await clients.stop();
        await from?.(scene);
        await eraseSome(scene, state);
      }
      await house.platform.behave();
      await scene.deliver(20);
      await untilAllSettled(house.db);
      const { rows } = await house.db.query(`select id from transactions where erase_requested_at is not null`);
      await untilErased(
        house.db,
        rows.map(({ id }) => id),
      );
      const { concluded = 0, erased = 0, ...others } = await statesOf(house.db);
      assert.deepEqual(others, {});
      assert.ok(concluded >= 20 && erased >= places.length * TAKEN, `${concluded} concluded, ${erased} erased`);
      met(erased);
      await nothingIsLeft(scene);
    },
  },
  {
    name: 'retention-against-resend',
    proves:
      'A retention that has come for everything, against resend all: each is sent or erased, nothing in flight is erased, nothing erased is sent.',
    backends: BOTH,
    // A run is taken up in parts, at the pace of the account.
    scene: { env: { RETENTION_DAYS: '1', SPID_SERVER_RATE: '40' } },
    volume: { acknowledged: 160, met: 160 },
    async run(scene) {
      const { house, deliver, met } = scene;
      await house.platform.misbehave({ operation: 'enroll', fault: { type: 'status', status: 422 } });
      await deliver(160);
      await waitFor(async () => (await statesOf(house.db)).dead === 160, { what: '160 dead' });
      await house.platform.behave();
      const resend = () => house.api(house.key, 'POST', '/v1/transactions/resend', {});
      await resend();
      await waitFor(async () => (await eventsOf(scene.house.db, 'resent')) >= 40, { what: 'some that are taken up' });
      // From now on two days have passed since whatever happened, however little it is.
      await waitFor(
        async () => {
          await resend();
          await house.db.query(
            `update transactions set updated_at = now() - interval '2 days' where updated_at > now() - interval '1 day'`,
          );
          return (await statesOf(house.db)).erased === 160;
        },
        { what: 'the end of all', everyMs: 30 },
      );
      const { rows } = await house.db.query<{ state: string; count: number }>(
        `select from_state as state, count(*)::int as count from transaction_events where type = 'erased' group by 1`,
      );
      const { dead = 0, concluded = 0, ...others } = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
      assert.ok(dead >= 10 && concluded >= 10, `erased: ${dead} dead, ${concluded} concluded`);
      assert.deepEqual(others, {});
      met(160);
      await nothingIsLeft(scene);
    },
  },
];

/** Has some erased that stand in `state` just now, until enough of them were met there. */
async function eraseSome(scene: Scene, state: TransactionState): Promise<void> {
  const { house, erase } = scene;
  let taken = 0;
  await waitFor(
    async () => {
      const { rows } = await house.db.query<{ id: string }>(
        `select id from transactions where state = $1 and erase_requested_at is null order by updated_at desc limit $2`,
        [state, TAKEN],
      );
      const states = await Promise.all(rows.map(({ id }) => erase(id)));
      // What could be erased at once was; the others say where they are.
      const { rows: tombstones } = await house.db.query(
        `select from transaction_events where transaction_id = any ($1) and type = 'erased' and from_state = $2`,
        [rows.map(({ id }) => id), state],
      );
      taken += Math.max(tombstones.length, states.filter((one) => one === state).length);
      return taken >= TAKEN;
    },
    { what: `${TAKEN} erased in ${state}`, everyMs: 5 },
  );
}

/** No file of an erased body, and no CPF of somebody of whom nothing is left. */
async function nothingIsLeft({ house, vault }: Scene): Promise<void> {
  const none = async (text: string) => (await house.db.query(text)).rowCount === 0;
  await waitFor(() => none('select from erased_records'), { what: 'the end of the files' });
  const files = new Set((await readdir(vault.folder, { recursive: true })).map((name) => name.split('/').at(-1)));
  const { rows } = await house.db.query<{ payload: string }>(`select payload from transactions where state = 'erased'`);
  assert.deepEqual(
    rows.filter(({ payload }) => files.has(payload)),
    [],
  );
  // The minutes that they are kept for whoever may just be accepting.
  await house.db.query(`update subjects set seen_at = seen_at - interval '1 hour'`);
  await house.db.query(`update erased_subjects set erased_at = erased_at - interval '1 hour'`);
  await waitFor(() => none('select from erased_subjects'), { what: 'the end of the people' });
  assert.ok(
    await none(`select from subjects s where cpf_index is not null and not operates
      and not exists (select from transactions t where t.subject = s.id)`),
  );
  assert.ok(await none(`select from subjects where (cpf_index is null) <> (cpf_sealed is null)`));
}
