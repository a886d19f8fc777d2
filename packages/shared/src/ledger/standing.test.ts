import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import type { Database } from './database.ts';
import { countStanding, STANDING } from './standing.ts';

let ledger: Ledger;
let db: Database;
beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
  await db.query(`insert into subjects (id, cpf_index, cpf_sealed) values (gen_random_uuid(), 'x', 'x')`);
});
afterAll(() => ledger?.stop());

/** `count` transactions of a state, the oldest accepted `age` seconds ago. */
async function insert(count: number, state: string, account: string | null, age: number): Promise<void> {
  const isDue = !['dead', 'concluded'].includes(state);
  await db.query(
    `insert into transactions (id, owner, kind, account, subject, request_mac, payload, payload_bytes, state, due_at, accepted_at)
      select gen_random_uuid(), gen_random_uuid(), case when $2::text is null then 'spid.enroll' else 'idcloud.process' end, $2,
        (select id from subjects), '', gen_random_uuid(), 1, $1, case when $3 then now() end, now() - (i * $5::float8 / $4::int) * interval '1 second'
      from generate_series(1, $4) i`,
    [state, account, isDue, count, age],
  );
}

it('counts what is not over by state and account, with the age of the oldest', async () => {
  await insert(30_000, 'concluded', null, 9_000_000);
  await insert(3, 'accepted', null, 60);
  await insert(2, 'awaiting', null, 3_600);
  await insert(4, 'awaiting', 'bank', 120);
  await insert(1, 'retrying', 'bank', 30);
  await insert(2, 'dead', null, 86_400);
  const found = await countStanding(db);
  const row = (state: string, account: string | undefined, count: number, age: number) => ({
    state,
    account,
    count,
    oldestSeconds: expect.closeTo(age, -1.5),
  });
  expect(found).toHaveLength(5);
  expect(found).toEqual(
    expect.arrayContaining([
      row('accepted', undefined, 3, 60),
      row('awaiting', undefined, 2, 3_600),
      row('awaiting', 'bank', 4, 120),
      row('retrying', 'bank', 1, 30),
      row('dead', undefined, 2, 86_400),
    ]),
  );
});

it.each(STANDING)('reads an index of what is not over, however long the ledger is (part %#)', async (statement) => {
  await db.query('vacuum analyze transactions');
  const { rows } = await db.query<{ 'QUERY PLAN': string }>(`explain ${statement}`);
  const plan = rows.map((line) => line['QUERY PLAN']).join('\n');
  expect(plan).not.toContain('Seq Scan');
  // The dead are few, and their rows are looked at.
  expect(plan).toMatch(
    statement.includes("'dead'")
      ? /Scan (using|on) transactions_(attention|resendable)/
      : /Index Only Scan using transactions_(due|polls)/,
  );
});
