import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Database } from '@atesto/shared/ledger/database';
import { waitFor } from '../../stack/wait-for.ts';
import type { LineFault } from '../proxy.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';
import { eventsOf, statesOf } from '../settling.fixture.ts';

/** A call that hangs is given up in a second and a half. */
const SHORT_CALLS = {
  SPID_SERVER_SUBMIT_TIMEOUT_MS: '1500',
  IDCLOUD_SUBMIT_TIMEOUT_MS: '1500',
  SPID_SERVER_READ_TIMEOUT_MS: '1000',
  LEASE_MS: '4000',
};

/** What the platform says in Retry-After. */
const THROTTLED_S = 3;

/** The line to the platform fails in one way while clients deliver, until the outcome of so many sends is unknown. */
async function underFault(scene: Scene, fault: LineFault, goal: number): Promise<void> {
  const lost = () => eventsOf(scene.house.db, 'lost');
  scene.line.fail(fault);
  await scene.deliver(24);
  await waitFor(async () => (await lost()) >= goal, { what: `${goal} whose outcome is unknown` });
  scene.met(Math.min(scene.line.met(), await lost()));
  scene.line.fail(undefined);
}

/** Twelve of 24 answers are spoilt, and what they would have said is found by asking. */
async function foundByAsking({ house, deliver, met }: Scene, spoilt: () => number | Promise<number>): Promise<void> {
  const { platform } = house;
  await deliver(24);
  await waitFor(async () => (await spoilt()) >= 12, { what: 'twelve answers that were spoilt' });
  met(await spoilt());
  await waitFor(async () => (await platform.transactions()).length === 24, { what: 'all at the platform' });
  assert.equal((await platform.received('enroll')).length, 24);
}

export const platformScenarios: readonly Scenario[] = [
  {
    name: 'answer-lost',
    proves: 'The platform took it and the answer was reset: it is asked for, and found, not sent again.',
    backends: BOTH,
    volume: { acknowledged: 24, met: 12 },
    run(scene) {
      scene.line.fail({ type: 'drop-answer' }, 12);
      return foundByAsking(scene, () => scene.line.met());
    },
  },
  {
    name: 'answer-cut',
    proves: 'The same where the platform’s side of the line ends instead of being reset.',
    backends: ['postgres'],
    volume: { acknowledged: 24, met: 12 },
    run(scene) {
      scene.line.fail({ type: 'half-close' }, 12);
      return foundByAsking(scene, () => scene.line.met());
    },
  },
  {
    name: 'answer-of-wrong-length',
    proves:
      'The platform took it and promised a longer answer than it sent: what came is not believed, it is asked for, and nothing is sent again.',
    backends: ['postgres'],
    volume: { acknowledged: 24, met: 12 },
    async run(scene) {
      const { platform, db } = scene.house;
      await platform.misbehave({ operation: 'enroll', fault: { type: 'wrong-length' }, times: 12 });
      await foundByAsking(scene, () => eventsOf(db, 'lost'));
    },
  },
  {
    name: 'throttled-until-said',
    proves: '429 with Retry-After: what was refused is sent again, and not before the time that the platform said.',
    backends: BOTH,
    volume: { acknowledged: 12, met: 6 },
    async run({ house, deliver, met }) {
      const fault = { type: 'status', status: 429, retryAfterSeconds: THROTTLED_S } as const;
      await house.platform.misbehave({ operation: 'enroll', fault, times: 6 });
      await deliver(12);
      const concluded = async () => (await statesOf(house.db)).concluded === 12;
      await waitFor(concluded, { what: 'the end of all' });
      const { rows } = await house.db.query<{ rested: number }>(
        `select extract(epoch from again.at - refused.at)::float8 as rested
         from transaction_events refused join transaction_events again
           on again.transaction_id = refused.transaction_id and again.seq = refused.seq + 1 and again.type = 'claimed'
         where refused.type = 'failed'`,
      );
      met(rows.length);
      const least = Math.min(...rows.map(({ rested }) => rested));
      assert.ok(least >= THROTTLED_S, `sent again after ${least} s`);
    },
  },
  {
    name: 'platform-silent',
    proves:
      'A line that swallows everything: calls are given up in time, the outcome is unknown and asked for, not failed.',
    backends: ['postgres'],
    scene: { env: SHORT_CALLS },
    volume: { acknowledged: 24, met: 12 },
    run: (scene) => underFault(scene, { type: 'blackhole' }, 12),
  },
  {
    name: 'platform-unreachable',
    proves: 'Every connection is reset: each is sent again, or asked for first where some of it may have been read.',
    backends: ['postgres'],
    volume: { acknowledged: 24, met: 12 },
    async run({ line, deliver, met }) {
      line.fail({ type: 'reset' });
      await deliver(24);
      await waitFor(() => line.met() >= 12, { what: '12 connections that were reset' });
      met(line.met());
      line.fail(undefined);
    },
  },
  {
    name: 'platform-slow',
    proves: 'Answers of 20 bytes a second are given up in time, and what they would have said is asked for.',
    backends: ['postgres'],
    scene: { env: SHORT_CALLS },
    volume: { acknowledged: 24, met: 8 },
    run: (scene) => underFault(scene, { type: 'throttle', bytesPerSecond: 20 }, 8),
  },
  {
    name: 'answer-endless',
    proves:
      'An answer that never ends is cut: the worker’s memory stays bounded, and its transactions reach the platform.',
    backends: ['postgres'],
    scene: { env: SHORT_CALLS },
    volume: { acknowledged: 12, met: 12 },
    async run(scene) {
      const { house, line, deliver } = scene;
      const endless = await openEndless();
      const before = await residentMegabytes(house.workers.pid);
      line.retarget(endless.port);
      await deliver(12);
      await waitFor(() => endless.calls() >= 12, { what: 'calls that got an endless answer' });
      await waitFor(async () => (await eventsOf(scene.house.db, 'lost')) >= 12, { what: 'answers that were given up' });
      const grown = (await residentMegabytes(house.workers.pid)) - before;
      assert.ok(grown < 150, `the worker grew by ${grown} MB`);
      scene.met(endless.calls());
      line.retarget(Number(new URL(house.spid.url).port));
      await endless.close();
    },
  },
  {
    name: 'platform-overloaded',
    proves:
      '429 with Retry-After and 503 for all: the circuit opens for two workers, while it is open only single probes spend an attempt, and after it all go through, slowly at first.',
    backends: BOTH,
    volume: { acknowledged: 70, met: 30 },
    async run({ house, deliver, met }) {
      const { platform } = house;
      const second = await house.startWorkers('workers-2');
      await platform.misbehave(
        { operation: 'enroll', fault: { type: 'status', status: 503 } },
        { operation: 'enroll', fault: { type: 'status', status: 429, retryAfterSeconds: 1 }, times: 10 },
      );
      await deliver(30);
      for (const { record } of [house.workers, second]) {
        const isOpen = async () =>
          /atesto_circuit_state\{upstream="spid"\} [12]/.test(await scrapeOf(Number(record.port)));
        await waitFor(isOpen, { what: 'a circuit that both workers know to be open' });
      }
      // What was under way when it opened has ended by now. Each opening from here on is two probes that failed.
      const before = { ...(await circuitOf(house.db)), claims: await claimsOf(house.db) };
      await deliver(40);
      const reopened = async () => (await circuitOf(house.db)).opens >= before.opens + 2;
      await waitFor(reopened, { what: 'probes that failed, twice' });
      const after = { ...(await circuitOf(house.db)), claims: await claimsOf(house.db) };
      const probes = 2 * (after.opens - before.opens);
      assert.ok(
        after.claims - before.claims <= probes + 2,
        `${after.claims - before.claims} attempts, ${probes} probes`,
      );
      const refused = (await platform.received('enroll')).length;
      assert.ok(refused <= 30 * 2 + probes + 2, `${refused} calls in the outage`);
      met(refused);
      await platform.behave();
      const closed = await waitFor(async () => (await circuitOf(house.db)).closedAt ?? undefined, {
        what: 'a circuit that is closed again',
      });
      const over = async () => Date.now() - closed.getTime() > 1_500;
      await waitFor(over, { what: 'the first second after it' });
      const rush = await claimsOf(house.db, closed);
      // Seven by each of two workers, and what was being probed.
      assert.ok(rush <= 18, `${rush} sends in the first second`);
    },
  },
  {
    name: 'outage-drained-in-order',
    proves:
      'What was accepted while the circuit was open is sent in the order in which it came, by two workers: nine of ten within five places of their own.',
    backends: BOTH,
    volume: { acknowledged: 72, met: 40 },
    async run({ house, deliver, met }) {
      const { platform, db } = house;
      await house.startWorkers('workers-2');
      await platform.misbehave({ operation: 'enroll', fault: { type: 'status', status: 503 } });
      await deliver(12);
      await waitFor(async () => (await circuitOf(db)).opens > 0, { what: 'a circuit that opened' });
      const { opens } = await circuitOf(db);
      const { rows: before } = await db.query<{ id: string }>('select id from transactions');
      for (let i = 0; i < 60; i++) await deliver(1);
      await waitFor(async () => (await circuitOf(db)).opens > opens, { what: 'probes that failed' });
      await platform.behave();
      await waitFor(async () => (await statesOf(db)).concluded === 72, { what: 'the end of all' });
      // What a probe was spent on is sent again, after all that is new.
      const { rows } = await db.query<{ places: number }>(
        `select abs(row_number() over (order by t.accepted_at) - row_number() over (order by e.at))::int as places
          from transactions t join transaction_events e on e.transaction_id = t.id and e.type = 'taken'
          where t.id <> all ($1) and t.attempt = 1 order by places`,
        [before.map(({ id }) => id)],
      );
      met(rows.length);
      const { places } = rows[Math.floor(rows.length * 0.9)] ?? { places: Number.NaN };
      assert.ok(places <= 5, `one of ten was sent ${places} places from its own`);
    },
  },
];

async function circuitOf(db: Database): Promise<{ opens: number; closedAt: Date | null }> {
  const { rows } = await db.query('select opens, closed_at as "closedAt" from account_health');
  return rows[0] ?? { opens: 0, closedAt: null };
}

/** Attempts that were begun: all, or those of the second after `from`. */
async function claimsOf(db: Database, from?: Date): Promise<number> {
  const { rows } = await db.query(
    `select count(*)::int as count from transaction_events
      where type = 'claimed' and ($1::timestamptz is null or at between $1 and $1 + interval '1 second')`,
    [from],
  );
  return rows[0]?.count;
}

async function scrapeOf(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

/** Answers whatever comes with a body that never ends. */
async function openEndless(): Promise<{ port: number; calls(): number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let calls = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
    socket.once('data', () => {
      calls++;
      socket.write('HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
      const piece = `10000\r\n${' '.repeat(0x10000)}\r\n`;
      const pour = () => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', pour);
      pour();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    calls: () => calls,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Linux only, as the house's other look at a process is. */
async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
