import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import type { TransactionEvent } from '../domain/transaction.ts';
import { acceptTransaction } from './accept.ts';
import type { Database } from './database.ts';
import type { ResendFilter } from './resends.ts';
import {
  accountsToResend,
  beginResend,
  cancelResend,
  endResends,
  getResend,
  runningResend,
  takeUpFailed,
} from './resends.ts';
import type { TransactionRow } from './transactions.ts';
import { applyEvent, getTransaction, listEvents } from './transactions.ts';

let ledger: Ledger;
let db: Database;
let owner: string;
let station: string;

beforeAll(async () => {
  ledger = await startLedger();
  db = ledger.db;
});
beforeEach(async () => {
  owner = randomUUID();
  station = randomUUID();
  await db.query('insert into stations (id, name, key_hash) values ($1, $2, $3)', [station, 'branch', randomBytes(32)]);
});
afterAll(() => ledger?.stop());

const claimed = { type: 'claimed' } as const;
const failed = { type: 'failed', reason: 'timeout' } as const;
const refused = { type: 'refused', reason: 'client-error' } as const;
const lost = { type: 'lost', reason: 'timeout' } as const;
const abandoned = { type: 'abandoned', reason: 'too-old' } as const;

async function after(
  events: TransactionEvent[],
  of: { owner?: string; station?: string; account?: string } = {},
): Promise<TransactionRow> {
  const accepted = await acceptTransaction(db, {
    id: randomUUID(),
    owner,
    kind: of.account === undefined ? 'spid.enroll' : 'idcloud.process',
    requestMac: randomBytes(32),
    payload: randomUUID(),
    payloadBytes: 300_000,
    wrappedKey: randomBytes(60),
    dueInMs: 60_000,
    ...of,
  });
  if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
  let row = accepted.transaction;
  for (const event of events) {
    const next = await applyEvent(db, row, event, { dueInMs: 600_000 });
    if (!next) throw new Error(`${event.type} was not applied`);
    row = next;
  }
  return row;
}
async function begin(filter: ResendFilter): Promise<string> {
  const id = await beginResend(db, filter);
  if (id === undefined) throw new Error('there is such a run');
  return id;
}
const next = (resend: string, limit: number, account?: string) =>
  takeUpFailed(db, { account, limit, leaseMs: 30_000, resend });

it.each<[string, TransactionEvent[], { state: string; version: number } | undefined]>([
  ['retrying', [claimed, failed], { state: 'retrying', version: 2 }],
  ['dead after a refusal', [claimed, refused], { state: 'retrying', version: 3 }],
  ['dead while it waited to be sent again', [claimed, failed, abandoned], { state: 'retrying', version: 4 }],
  ['dead of an unknown outcome', [claimed, lost, abandoned], { state: 'unknown', version: 4 }],
  [
    'dead while it waited for the answer',
    [claimed, { type: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' }, abandoned],
    { state: 'awaiting', version: 4 },
  ],
  ['accepted', [], undefined],
  ['submitting', [claimed], undefined],
  ['unknown', [claimed, lost], undefined],
])('takes up what is %s as one by one it would be', async (_what, events, moved) => {
  const row = await after(events);
  const run = await begin({ owner });
  const moments = await next(run, 10);
  const now = await getTransaction(db, row.id);
  if (!moved) {
    expect(moments).toEqual([]);
    return expect(now).toEqual(row);
  }
  expect(moments).toEqual([
    { id: row.id, kind: 'spid.enroll', account: undefined, attempt: 1, diedIn: undefined, ...moved },
  ]);
  const dueInMs = (now?.dueAt?.getTime() ?? 0) - Date.now();
  expect(Math.abs(dueInMs - 30_000)).toBeLessThan(5_000);
  const last = (await listEvents(db, row.id)).at(-1);
  if (row.state === 'dead') {
    expect(now).toMatchObject({ diedIn: undefined, reason: undefined });
    expect(last).toMatchObject({ type: 'resent', seq: moved.version, from: 'dead', to: moved.state, attempt: 1 });
  } else expect(last).toMatchObject({ type: 'failed', seq: row.version });
});

it('goes once through what had failed when it began, of its owner and station, and ends', async () => {
  const mine = [await after([claimed, refused], { station }), await after([claimed, failed], { station })];
  await after([claimed, refused]);
  await after([claimed, refused], { owner: randomUUID(), station });
  await db.query('update transactions set wrapped_key = null where id = $1', [
    (await after([claimed, refused], { station })).id,
  ]);
  const run = await begin({ owner, station });
  await after([claimed, refused], { station });
  expect(await getResend(db, run)).toMatchObject({ state: 'running', found: 2, takenUp: 0, owner, station });
  const [moment] = await next(run, 1);
  expect(moment?.id).toBe(mine[0]?.id);
  // Refused again: a run does not come back to it.
  let again = await getTransaction(db, mine[0]?.id ?? '');
  for (const event of [claimed, refused]) again = again && (await applyEvent(db, again, event));
  expect(again).toMatchObject({ state: 'dead', attempt: 2 });
  expect((await next(run, 1)).map(({ id }) => id)).toEqual([mine[1]?.id]);
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'running', found: 2, takenUp: 2 });
  expect(await next(run, 1)).toEqual([]);
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'done', found: 2, takenUp: 2 });
  expect(await next(run, 1)).toEqual([]);
});

it('is begun once for all who ask for the same at once, and anew when it is over', async () => {
  await after([claimed, refused]);
  const begun = await Promise.all([1, 2, 3].map(() => beginResend(db, { owner })));
  const [run] = begun.filter((id) => id !== undefined);
  expect(begun.filter((id) => id !== undefined)).toEqual([run]);
  expect(await runningResend(db, { owner })).toBe(run);
  // Another filter is another run.
  expect(await runningResend(db, { owner, station })).toBeUndefined();
  expect(await beginResend(db, { owner, station })).toBeDefined();
  await next(run as string, 10);
  await endResends(db);
  expect(await runningResend(db, { owner })).toBeUndefined();
  expect(await beginResend(db, { owner })).toBeDefined();
});

it('gives each to one of several workers, in each account by itself', async () => {
  const ids = new Set<string>();
  for (let i = 0; i < 30; i++) ids.add((await after([claimed, i % 2 ? failed : refused])).id);
  const other = await after([claimed, failed], { account: 'bank' });
  const run = await begin({ owner });
  expect(new Set(await accountsToResend(db, run))).toEqual(new Set([undefined, 'bank']));
  const taken: string[] = [];
  const worker = async () => {
    while ((await accountsToResend(db, run)).includes(undefined)) {
      taken.push(...(await next(run, 4)).map(({ id }) => id));
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  expect(taken).toHaveLength(30);
  expect(new Set(taken)).toEqual(ids);
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'running', found: 31, takenUp: 30 });
  expect(await next(run, 4, 'bank')).toMatchObject([{ id: other.id, account: 'bank' }]);
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'done', takenUp: 31 });
});

it('lets runs take turns', async () => {
  const owners = [randomUUID(), randomUUID()];
  for (const one of owners)
    for (let i = 0; i < 3; i++) await after([claimed, failed], { owner: one, account: 'turns' });
  const runs = await Promise.all(owners.map((one) => begin({ owner: one })));
  for (let i = 0; i < 4; i++) await takeUpFailed(db, { account: 'turns', limit: 1, leaseMs: 30_000 });
  for (const run of runs) expect(await getResend(db, run)).toMatchObject({ takenUp: 2 });
});

it('stops when it is cancelled, and leaves the rest as it is', async () => {
  await after([claimed, refused]);
  const rest = await after([claimed, refused]);
  const run = await begin({ owner });
  await next(run, 1);
  await cancelResend(db, run);
  expect(await getResend(db, run)).toMatchObject({ state: 'cancelled', found: 2, takenUp: 1 });
  expect(await next(run, 1)).toEqual([]);
  expect(await getTransaction(db, rest.id)).toEqual(rest);
  await cancelResend(db, run);
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'cancelled' });
});

it('ends at once where nothing had failed', async () => {
  const run = await begin({ owner });
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'done', found: 0, takenUp: 0 });
  expect(await getResend(db, randomUUID())).toBeUndefined();
});

it('gives up what nobody worked at for a day, so that another run may begin', async () => {
  await after([claimed, refused]);
  const orphan = await after([claimed, refused], { account: 'gone' });
  const run = await begin({ owner });
  await next(run, 10);
  await db.query(`update resend_parts set worked_at = now() - interval '23 hours' where resend = $1`, [run]);
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'running' });
  await db.query(`update resend_parts set worked_at = now() - interval '25 hours' where resend = $1`, [run]);
  await endResends(db);
  expect(await getResend(db, run)).toMatchObject({ state: 'cancelled', found: 2, takenUp: 1 });
  expect(await next(run, 10, 'gone')).toEqual([]);
  expect(await getTransaction(db, orphan.id)).toEqual(orphan);
  expect(await beginResend(db, { owner })).toBeDefined();
});
