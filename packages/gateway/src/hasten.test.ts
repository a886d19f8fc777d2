import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { enrolment, post, startTestGateway } from './gateway.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

const taken: TransactionEvent = { type: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' };

/** One that was sent, and is due in a minute. */
async function sent(marker: string, event: TransactionEvent): Promise<TransactionRow> {
  const { db } = gateway.context;
  const request = await enrolment(gateway, marker);
  expect((await post(gateway, '/v1/transactions', request)).status).toBe(201);
  let row = await getTransaction(db, request.id);
  for (const one of [{ type: 'claimed' } as const, event])
    row = row && (await applyEvent(db, row, one, { dueInMs: 60_000 }));
  return row as TransactionRow;
}

async function look({ id }: TransactionRow): Promise<TransactionRow | undefined> {
  const headers = { authorization: `Bearer ${gateway.station.key}` };
  expect((await fetch(`${gateway.url}/v1/transactions/${id}`, { headers })).status).toBe(200);
  return getTransaction(gateway.context.db, id);
}

it.each([
  ['just accepted', '0 s', 0, 2],
  ['two minutes old', '2 min', 4, 7],
  ['a day old', '1 day', 25, 31],
])(
  'has the platform asked soon when one that is %s is looked at, and no sooner however often',
  async (what, age, from, to) => {
    const row = await sent(what, taken);
    await gateway.context.db.query('update transactions set accepted_at = now() - $2::interval where id = $1', [
      row.id,
      age,
    ]);
    const first = await look(row);
    const dueInSeconds = ((first?.dueAt?.getTime() ?? 0) - Date.now()) / 1_000;
    expect(dueInSeconds).toBeGreaterThan(from);
    expect(dueInSeconds).toBeLessThan(to);
    await look(row);
    expect((await look(row))?.dueAt).toEqual(first?.dueAt);
  },
);

it('does not hasten what is to be sent again', async () => {
  const row = await sent('not hastened', { type: 'failed', reason: 'x' });
  expect((await look(row))?.dueAt).toEqual(row.dueAt);
});
