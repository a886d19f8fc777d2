import { randomBytes, randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import type { TransactionEvent } from '../domain/transaction.ts';
import { acceptTransaction } from './accept.ts';
import { createApplyEvent } from './apply-events.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';
import { openTransactionFeed } from './notifications.ts';
import { isLedgerAway } from './passing-failure.ts';
import { ensureSubject } from './subjects.ts';
import type { TransactionMoment, TransactionRow, TransitionPlan } from './transactions.ts';
import { applyEvent, getTransaction, listEvents } from './transactions.ts';

let ledger: Ledger;
let db: Database;
let subject: string;

beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
  subject = await ensureSubject(db, { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) });
});
afterAll(() => ledger?.stop());

async function accept(): Promise<TransactionRow> {
  const result = await acceptTransaction(db, {
    id: randomUUID(),
    owner: randomUUID(),
    kind: 'spid.enroll',
    subject,
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 300_000,
    wrappedKey: randomBytes(60),
    dueInMs: 60_000,
  });
  if (result.kind !== 'accepted') throw new Error(`expected an acceptance, got ${result.kind}`);
  return result.transaction;
}

const acceptMany = (count: number) => Promise.all(Array.from({ length: count }, accept));
const claimed: TransactionEvent = { type: 'claimed' };
const later: TransitionPlan = { dueInMs: 60_000 };
/** PostgreSQL has no such character. */
const unwritable: TransactionEvent = { type: 'taken', upstreamId: 'u\0', upstreamStatus: '1' };

/** How many statements of each name ran. */
function counting(real: Database): { db: Database; ran: Map<string, number> } {
  const ran = new Map<string, number>();
  const query = (statement: { name: string }) => {
    ran.set(statement.name, (ran.get(statement.name) ?? 0) + 1);
    return real.query(statement as never);
  };
  return { db: Object.assign(Object.create(real) as Database, { query }), ran };
}

it('moves many by few statements, and tells everybody who listens', async () => {
  const rows = await acceptMany(60);
  const feed = await openTransactionFeed(ledger.url);
  const heard = Promise.all(rows.map(({ id }) => new Promise((resolve) => feed.subscribe(id, () => resolve(id)))));
  const counted = counting(db);
  const apply = createApplyEvent(counted.db);
  const moved = await Promise.all(rows.map((row) => apply(row, claimed, later)));
  expect(moved.map((row) => row?.id)).toEqual(rows.map(({ id }) => id));
  expect([...counted.ran]).toEqual([['apply-events', 1]]);
  expect(await heard).toHaveLength(60);
  await feed.close();
});

it('lets one of fifty workers claim a transaction, and keeps the order of its events', async () => {
  const row = await accept();
  const [one, other] = [createApplyEvent(db), createApplyEvent(db)];
  const claims = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 ? one : other)(row, claimed, later)));
  expect(claims.filter(Boolean)).toHaveLength(1);
  // Proposed at once: the second is in time only after the first.
  const [first, second] = await Promise.all([
    one(
      { ...row, state: 'submitting', version: 1, attempt: 1 },
      { type: 'taken', upstreamId: 'u', upstreamStatus: '1' },
    ),
    one({ ...row, state: 'awaiting', version: 2, attempt: 1 }, { type: 'progressed', upstreamStatus: '2' }),
  ]);
  expect([first?.version, second?.version]).toEqual([2, 3]);
  expect((await listEvents(db, row.id)).map(({ type }) => type)).toEqual([
    'accepted',
    'claimed',
    'taken',
    'progressed',
  ]);
});

it('lets nobody fail for another’s fault', async () => {
  const rows = await acceptMany(10);
  const apply = createApplyEvent(db);
  const sending = await Promise.all(rows.map((row) => apply(row, claimed, later)));
  const results = await Promise.allSettled(
    sending.map((row, i) =>
      apply(row as TransactionRow, i === 3 ? unwritable : { type: 'failed', reason: 'connection-lost' }, later),
    ),
  );
  expect(results.map(({ status }) => status)).toEqual(rows.map((_, i) => (i === 3 ? 'rejected' : 'fulfilled')));
  expect((await getTransaction(db, rows[3]?.id as string))?.state).toBe('submitting');
  expect((await getTransaction(db, rows[4]?.id as string))?.state).toBe('retrying');
});

it('lets nobody wait for another’s lock', async () => {
  const [held, ...others] = await acceptMany(6);
  const apply = createApplyEvent(db);
  const holder = await db.connect();
  try {
    await holder.query('begin');
    await holder.query('select from transactions where id = $1 for update', [held?.id]);
    const waits = apply(held as TransactionRow, claimed, later);
    const moved = await Promise.all(others.map((row) => apply(row, claimed, later)));
    expect(moved.every((row) => row?.state === 'submitting')).toBe(true);
    await holder.query('commit');
    expect(await waits).toMatchObject({ id: held?.id, state: 'submitting' });
  } finally {
    holder.release();
  }
});

it('fails when the ledger is away, everybody', async () => {
  const away = openDatabase({ url: 'postgres://127.0.0.1:1/nothing' }, () => {});
  const apply = createApplyEvent(away);
  const moments = [0, 1].map(() => ({
    id: randomUUID(),
    kind: 'spid.enroll',
    state: 'accepted',
    version: 0,
    attempt: 0,
  }));
  const results = await Promise.allSettled(moments.map((moment) => apply(moment as TransactionMoment, claimed, later)));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await away.end();
});

it('moves each once where the commit was made and its answer was lost', async () => {
  const rows = await acceptMany(5);
  const query = async (statement: { name: string }) => {
    const result = await db.query(statement as never);
    if (statement.name === 'apply-events') throw new Error('Connection terminated unexpectedly');
    return result;
  };
  const apply = createApplyEvent(Object.assign(Object.create(db) as Database, { query }));
  expect(await Promise.all(rows.map((row) => apply(row, claimed, later)))).toEqual(rows.map(() => undefined));
  for (const { id } of rows) {
    const { state, version, dueAt } = (await getTransaction(db, id)) as TransactionRow;
    expect([state, version, dueAt]).toEqual(['submitting', 1, expect.any(Date)]);
    expect((await listEvents(db, id)).map(({ type }) => type)).toEqual(['accepted', 'claimed']);
  }
});

/** A way to the ledger whose connections can fall silent, as behind a router that forgot them; new ones are well. */
async function openWay(): Promise<{ url: string; silence(): void; swallowed(): number; close(): void }> {
  const there = new URL(ledger.url);
  const open: Socket[] = [];
  const silent = new Set<Socket>();
  let swallowed = 0;
  const server = createServer((caller) => {
    const callee = connect(Number(there.port), there.hostname);
    for (const [from, to] of [
      [caller, callee],
      [callee, caller],
    ] as const) {
      from.on('error', () => {});
      from.on('close', () => to.destroy());
      from.on('data', (data) => {
        if (silent.has(caller)) swallowed++;
        else to.write(data);
      });
    }
    open.push(caller);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const here = new URL(ledger.url);
  here.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: here.href,
    silence: () => open.forEach((socket) => void silent.add(socket)),
    swallowed: () => swallowed,
    close: () => void server.close(),
  };
}

it('goes on where its connections have fallen silent', async () => {
  const rows = await acceptMany(6);
  const way = await openWay();
  const overWay = openDatabase({ url: way.url }, () => {});
  const apply = createApplyEvent(overWay);
  await Promise.all([1, 2].map(() => overWay.query('select pg_sleep(0.1)')));
  way.silence();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const read = overWay.query('select 1').catch((error: unknown) => error);
    const moved: Promise<TransactionRow | undefined>[] = [];
    for (const [i, row] of rows.entries()) {
      moved.push(apply(row, claimed, later));
      if (i === 0) await vi.waitFor(() => expect(way.swallowed()).toBe(2));
    }
    vi.advanceTimersByTime(15_000);
    expect((await Promise.all(moved)).map((row) => row?.state)).toEqual(rows.map(() => 'submitting'));
    expect(isLedgerAway(await read)).toBe(true);
  } finally {
    vi.useRealTimers();
    await overWay.end();
    way.close();
  }
});

const answer = Buffer.from('sealed');
const proposals: [TransactionEvent, TransitionPlan][] = [
  [claimed, later],
  [
    { type: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' },
    { ...later, answerSealed: answer },
  ],
  [{ type: 'concluded', outcome: { verdict: 'enrolled', upstreamStatus: 'OK' } }, { result: { a: 'é"\\', b: null } }],
  [{ type: 'failed', reason: 'connection-lost' }, later],
  [{ type: 'lost', reason: 'answer-lost' }, later],
  [{ type: 'refused', reason: 'bad-request' }, {}],
  [{ type: 'absent' }, { dueInMs: 0.5 }],
  [{ type: 'resent' }, later],
  [unwritable, later],
];

it('does to each transaction what single statements do', async () => {
  const steps = fc.array(fc.record({ proposal: fc.nat(proposals.length - 1), late: fc.boolean() }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 12 }), async (plans) => {
      const grouped = createApplyEvent(db);
      const run = async (apply: typeof grouped, row: TransactionRow, plan: (typeof plans)[number]) => {
        const said: unknown[] = [];
        let [now, before] = [row, row];
        for (const { proposal, late } of plan) {
          const [event, next] = proposals[proposal] as (typeof proposals)[number];
          const result = await apply(late ? before : now, event, next).catch((error: { code?: string }) => error.code);
          if (typeof result === 'object') [before, now] = [now, result];
          said.push(comparable(result));
        }
        const events = (await listEvents(db, row.id)).map(({ at: _at, ...event }) => event);
        return { said, row: comparable(await getTransaction(db, row.id)), events };
      };
      const [ours, theirs] = [await acceptMany(plans.length), await acceptMany(plans.length)];
      const together = await Promise.all(plans.map((plan, i) => run(grouped, ours[i] as TransactionRow, plan)));
      const alone = await Promise.all(
        plans.map((plan, i) => run((...args) => applyEvent(db, ...args), theirs[i] as TransactionRow, plan)),
      );
      expect(together).toEqual(alone);
    }),
    { numRuns: 30 },
  );
}, 60_000);

/** A row without what differs between two of the same fate. */
function comparable(result: TransactionRow | string | undefined): unknown {
  if (typeof result !== 'object') return result;
  const { id, owner, payload, wrappedKey, acceptedAt, updatedAt, dueAt, ...rest } = result;
  const dueInMs = dueAt && Math.round((dueAt.getTime() - updatedAt.getTime()) / 10);
  return { ...rest, dueInMs };
}
