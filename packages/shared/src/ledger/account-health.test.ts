import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Ledger, startLedger } from '../../../../test/stack/ledger.ts';
import { type AccountHealth, type Circuit, createAccountHealth } from './account-health.ts';

let ledger: Ledger;
let upstream: string;
let one: AccountHealth;
let another: AccountHealth;

beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger?.stop());
beforeEach(() => {
  upstream = `idcloud-${randomUUID()}`;
  one = createAccountHealth(ledger.db, randomUUID(), ['spid', upstream]);
  another = createAccountHealth(ledger.db, randomUUID(), ['spid', upstream]);
});

const seenBy = async (process: AccountHealth): Promise<Circuit | undefined> => (await process.look()).get(upstream);
/** Moves the row's times back, which is what waiting does. */
const pass = (ms: number) =>
  ledger.db.query(
    `update account_health set open_until = open_until - $2 * interval '1 millisecond', closed_at = closed_at - $2 * interval '1 millisecond',
      probed_until = probed_until - $2 * interval '1 millisecond' where upstream = $1`,
    [upstream, ms],
  );
const openFor = async (process: AccountHealth): Promise<number> => {
  const circuit = await process.open(upstream);
  return circuit.state === 'open' ? circuit.forMs : Number.NaN;
};
const within = (ms: number, most: number) => {
  expect(ms).toBeGreaterThan(most / 2 - 200);
  expect(ms).toBeLessThanOrEqual(most);
};

it('is seen by all, and by nobody who does not call the account', async () => {
  expect(await seenBy(one)).toBeUndefined();
  within(await openFor(one), 2_000);
  expect(await seenBy(another)).toMatchObject({ state: 'open' });
  const stranger = createAccountHealth(ledger.db, randomUUID(), ['spid']);
  expect(await seenBy(stranger)).toBeUndefined();
  await pass(2_000);
  await stranger.look();
  expect(await seenBy(one)).toEqual({ state: 'half-open', mine: true });
});

it('is opened once by all who see it fail', async () => {
  const opened = await Promise.all([one, another, one, another].map(openFor));
  expect(Math.max(...opened) - Math.min(...opened)).toBeLessThan(500);
  const { rows } = await ledger.db.query('select opens from account_health where upstream = $1', [upstream]);
  expect(rows[0]?.opens).toBe(1);
});

it('is probed by one process, and by another when that one is gone', async () => {
  await one.open(upstream);
  await pass(2_000);
  expect(await seenBy(another)).toEqual({ state: 'half-open', mine: true });
  expect(await seenBy(one)).toEqual({ state: 'half-open', mine: false });
  // Who does not probe has no say.
  expect(await one.open(upstream)).toEqual({ state: 'half-open', mine: false });
  expect(await one.close(upstream)).toEqual({ state: 'half-open', mine: false });
  expect(await seenBy(another)).toEqual({ state: 'half-open', mine: true });
  await pass(5_000);
  expect(await seenBy(one)).toEqual({ state: 'half-open', mine: true });
  // The right to probe has gone over meanwhile.
  expect(await another.close(upstream)).toEqual({ state: 'half-open', mine: false });
  expect(await one.close(upstream)).toEqual({ state: 'closed' });
  expect(await seenBy(another)).toEqual({ state: 'closed' });
});

it('stays open for longer each time, at most a minute, until there was quiet', async () => {
  within(await openFor(one), 2_000);
  for (const most of [4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    await pass(60_000);
    await one.look();
    within(await openFor(one), most);
  }
  await pass(60_000);
  await one.look();
  await one.close(upstream);
  await pass(30_000);
  within(await openFor(another), 60_000);
  await pass(60_000);
  await one.look();
  await one.close(upstream);
  await pass(61_000);
  within(await openFor(another), 2_000);
});
