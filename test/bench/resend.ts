import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '@atesto/shared/ledger/database';
import { beginResend, cancelResend, endResends, getResend, takeUpFailed } from '@atesto/shared/ledger/resends';
import { waitFor } from '../stack/wait-for.ts';
import { type CopiesOptions, fillWithCopies } from './copies.ts';
import { LATER_MS, openInstallation } from './installation.ts';
import { percentile, table } from './numbers.ts';
import { openServers, openStub, type Place } from './servers.ts';

const FAILED = 100_000;
const BACKLOG = 50_000;
/** The sweep puts no more in line. */
const FULL_LINE = 1_000;
const RATE = 100;
const LIVE_PER_SECOND = 4;
const WORKERS = 2;
const BATCH = 1_000;

interface ResendOptions extends Place {
  /** Of each scenario. */
  seconds: number;
}

interface Scenario {
  name: string;
  /** Of each live transaction, in milliseconds by the database's clock: from its acceptance to its claim by a worker. */
  waits: number[];
  note: string;
}

export interface ResendResults {
  beginMs: number;
  /** Of all, batch by batch, with nobody sending. */
  takeUpMs: number;
  scenarios: Scenario[];
}

/** A run of resend all over 100,000, and what it and another station's backlog of 50,000 do to live transactions. */
export async function measureResend(options: ResendOptions): Promise<ResendResults> {
  const { seconds, report } = options;
  const house = await openHouse(options);
  const { db, queues } = house;
  try {
    report(`${FAILED} failed transactions: taking them up, nobody sends`);
    await house.copies(FAILED, 'retrying', LATER_MS);
    await halfDead(db);
    let began = performance.now();
    const alone = await begin(db);
    const beginMs = performance.now() - began;
    began = performance.now();
    while ((await takeUpFailed(db, { account: undefined, limit: BATCH, leaseMs: LATER_MS })).length > 0);
    const takeUpMs = performance.now() - began;
    await endResends(db);
    const { takenUp } = (await getResend(db, alone)) ?? {};
    if (takenUp !== FAILED) throw new Error(`${takenUp} of ${FAILED} were taken up`);

    for (let i = 1; i <= WORKERS; i++) await house.startWorkers();
    const live = async (name: string, note: () => Promise<string>): Promise<Scenario> => {
      report(`${name}: ${seconds} s`);
      return { name, waits: await house.live(seconds), note: await note() };
    };
    await house.live(5);
    const scenarios = [await live('nothing else', async () => '')];

    await halfDead(db);
    const run = await begin(db);
    await waitFor(async () => (await queues.inLine('spid', 'resend')) > 0, { what: 'the run', timeoutMs: 30_000 });
    scenarios.push(
      await live(`resend all of ${FAILED}`, async () => {
        const now = await getResend(db, run);
        const sent = await count(db, `state = 'concluded' and attempt > 1`);
        return `${now?.takenUp} taken up, ${sent} sent in ${((now?.elapsedMs ?? 0) / 1_000).toFixed(0)} s`;
      }),
    );
    await cancelResend(db, run);
    await db.query(`update transactions set state = 'concluded', due_at = null where state in ('retrying', 'dead')`);
    await waitFor(async () => (await queues.inLine('spid', 'resend')) === 0, { what: 'its jobs', timeoutMs: 60_000 });

    await house.copies(BACKLOG, 'accepted', 0);
    await waitFor(async () => (await queues.inLine('spid', 'firstSend')) >= FULL_LINE, {
      what: 'a full line',
      timeoutMs: 300_000,
    });
    scenarios.push(
      await live(`another station's backlog of ${BACKLOG}`, async () => {
        return `${await queues.inLine('spid', 'firstSend')} jobs in line at the end`;
      }),
    );
    return { beginMs, takeUpMs, scenarios };
  } finally {
    await house.close();
  }
}

async function begin(db: Database): Promise<string> {
  const id = await beginResend(db, {});
  if (id === undefined) throw new Error('another run is under way');
  return id;
}

/** Every other of what failed has stopped altogether. */
async function halfDead(db: Database): Promise<void> {
  await db.query(
    `update transactions set state = 'dead', died_in = 'submitting' where state = 'retrying' and get_byte(uuid_send(id), 0) % 2 = 0`,
  );
  await db.query('analyze');
}

async function count(db: Database, where: string): Promise<number> {
  return Number((await db.query(`select count(*) as count from transactions where ${where}`)).rows[0].count);
}

async function openHouse(place: Place) {
  const { dir, processes } = place;
  const servers = await openServers(place);
  const stub = await openStub(place);
  const installation = await openInstallation({
    dir: path.join(dir, 'resend'),
    database: await servers.postgres.createDatabase(),
    redis: servers.redisUrl(),
    processes,
    env: { SPID_SERVER_URL: stub.url, SPID_SERVER_RATE: String(RATE) },
  });
  const { db, queues, accept, startWorkers, close } = installation;
  // One body for all: the time is the line's, not the body's.
  const sealed = await installation.seal(Buffer.from(JSON.stringify({ data: 'x'.repeat(2_000) })));

  return {
    db,
    queues,
    startWorkers,
    close,
    /** As if one branch had brought them. */
    async copies(number: number, state: CopiesOptions['state'], dueInMs: number): Promise<void> {
      await fillWithCopies(db, await accept(sealed, { owner: randomUUID() }), number, { state, dueInMs });
    },
    /** Each a branch's single capture, accepted and put in line as the gateway does. @returns what each waited for its claim */
    async live(seconds: number): Promise<number[]> {
      const ids: string[] = [];
      for (let i = 0; i < seconds * LIVE_PER_SECOND; i++) {
        const transaction = await accept(sealed, { owner: randomUUID() });
        await queues.enqueue(transaction);
        ids.push(transaction.id);
        await delay(1_000 / LIVE_PER_SECOND);
      }
      const waits = async () => {
        const { rows } = await db.query<{ wait: number }>(
          `select extract(epoch from e.at - t.accepted_at)::float8 * 1000 as wait from transactions t
            join transaction_events e on e.transaction_id = t.id and e.seq = 1 where t.id = any($1::uuid[])`,
          [ids],
        );
        return rows.map(({ wait }) => wait);
      };
      await waitFor(async () => (await waits()).length === ids.length, {
        what: 'live transactions',
        timeoutMs: 600_000,
      });
      return waits();
    },
  };
}

/** What a run found, as text. */
export function describeResend({ beginMs, takeUpMs, scenarios }: ResendResults): string {
  return [
    `Resend all of ${FAILED}, every other dead: begun in ${beginMs.toFixed(0)} ms; taken up in ${(takeUpMs / 1_000).toFixed(1)} s where nobody sends, in batches of ${BATCH}.`,
    `Live transactions, ${LIVE_PER_SECOND} a second, each of another branch; ${WORKERS} workers, SPID_SERVER_RATE=${RATE}:`,
    '',
    table(
      ['beside', 'live', 'from accepted to claimed, ms: p50', 'p95', 'max', ''],
      scenarios.map(({ name, waits, note }) => [
        name,
        String(waits.length),
        ...[0.5, 0.95, 1].map((share) => percentile(waits, share).toFixed(0)),
        note,
      ]),
    ),
  ].join('\n');
}
