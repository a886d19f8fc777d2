import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import { deliver, enrolmentsOf } from './enrolments.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { untilAllSettled } from './settling.fixture.ts';

let house: FaultHouse;
beforeAll(async () => {
  house = await openFaultHouse({ env: { ARCHIVE_AFTER_DAYS: '1' } });
}, 60_000);
afterAll(() => house?.close());

it('keeps what workers archived: found by its caller, and the same when it is asked for again', {
  timeout: 60_000,
}, async () => {
  const { db, platform } = house;
  const next = enrolmentsOf('archive');
  const sent = Array.from({ length: 10 }, next);
  for (const one of sent) expect(await deliver(house, one)).toMatchObject({ acknowledged: true });
  await untilAllSettled(db);
  await db.query(`update transactions set updated_at = updated_at - interval '25 hours'`);
  const view = ({ id }: { id: string }) => house.api(house.key, 'GET', `/v1/transactions/${id}`);
  const before = await Promise.all(sent.map(view));
  await waitFor(async () => (await db.query('select from archived_transactions')).rowCount === 10, {
    what: 'the move into the archive',
  });
  expect((await db.query('select from only transactions')).rowCount).toBe(0);
  expect(await Promise.all(sent.map(view))).toEqual(before);
  for (const one of sent) expect(await deliver(house, one)).toMatchObject({ acknowledged: true });
  await untilAllSettled(db);
  // Nothing was sent again, and the events still lead to the state.
  await expectEachOnce(db, platform, sent);
  expect(await platform.received('enroll')).toHaveLength(10);
});
