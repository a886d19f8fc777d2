import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadOrCreateKeys } from '@atesto/shared/config/keys';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { type Database, migrate, openDatabase } from '@atesto/shared/ledger/database';
import { beginResend, cancelResend, endResends, getResend, takeUpFailed } from '@atesto/shared/ledger/resends';
import { ensureSubject } from '@atesto/shared/ledger/subjects';
import { acceptTransaction } from '@atesto/shared/ledger/transactions';
import { queuesOf } from '@atesto/shared/queues/jobs';
import { openQueues, type WorkQueues } from '@atesto/shared/queues/queues';
import { sealCpf } from '@atesto/shared/vault/cpf-column';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, parseKey, parseKeyRing } from '@atesto/shared/vault/key-ring';
import { createVault } from '@atesto/shared/vault/vault';
import { startPostgres } from '../stack/postgres.ts';
import type { Processes } from '../stack/processes.ts';
import { startRedis } from '../stack/redis.ts';
import { waitFor } from '../stack/wait-for.ts';
import { OPERATOR, SOMEBODY } from './bodies.ts';
import { openChild } from './child.ts';
import { percentile, table } from './numbers.ts';

const FAILED = 100_000;
const BACKLOG = 50_000;
const RATE = 100;
const LIVE_PER_SECOND = 4;
const WORKERS = 2;
const BATCH = 1_000;
/** Longer than the bench: the sweep leaves it alone. */
const LATER_MS = 3_600_000;

interface ResendOptions {
  /** Of each scenario. */
  seconds: number;
  dir: string;
  processes: Processes;
  report: (line: string) => void;
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
export async function measureResend({ seconds, dir, processes, report }: ResendOptions): Promise<ResendResults> {
  report('starting PostgreSQL, Redis and the upstream');
  const postgres = await startPostgres({ fsync: true });
  processes.onStop(() => postgres.stop());
  const redis = await startRedis({ dataDir: path.join(dir, 'resend-redis'), report });
  processes.onStop(() => redis.stop());
  const stub = openChild('stub-server.ts', [], path.join(dir, 'resend-stub.log'));
  processes.onStop(() => stub.stop());
  const house = await openHouse(await postgres.createDatabase(), redis.url, dir);
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

    for (let i = 1; i <= WORKERS; i++) {
      await processes.start({
        name: `resend-workers-${i}`,
        main: path.resolve(import.meta.dirname, '../../packages/workers/src/main.ts'),
        env: { ...house.env, SPID_SERVER_URL: await stub.ask<string>('url'), SPID_SERVER_RATE: String(RATE) },
        ready: { event: 'workers-started' },
      });
    }
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
    await waitFor(async () => (await queues.inLine('spid', 'firstSend')) > BACKLOG / 2, {
      what: 'the backlog in line',
      timeoutMs: 300_000,
    });
    scenarios.push(
      await live(`another station's backlog of ${BACKLOG}`, async () => {
        return `${await queues.inLine('spid', 'firstSend')} in line at the end`;
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

/** Ledger, vault and queue as the gateway fills them. */
async function openHouse(database: string, redis: string, dir: string) {
  const stateDir = path.join(dir, 'resend-state');
  await mkdir(stateDir, { recursive: true });
  const keys = await loadOrCreateKeys(stateDir);
  const keyRing = createKeyRing(parseKeyRing(keys.kek), parseKey(keys.indexKey));
  const fail = (error: unknown) => console.error(String(error));
  await migrate(database);
  const db = openDatabase({ url: database, max: 10 }, fail);
  const vaultDir = path.join(dir, 'resend-vault');
  const vault = createVault({ keyRing, store: await createFileStore(vaultDir) });
  const queues: WorkQueues = openQueues({ kind: 'redis', url: redis }, queuesOf([]), fail);
  const [subject, operator] = await Promise.all(
    [SOMEBODY, OPERATOR].map((cpf) => ensureSubject(db, sealCpf(keyRing, cpf as Cpf))),
  );
  // One body for all: the time is the line's, not the body's.
  const payload = randomUUID();
  const { wrappedKey, bytes } = await vault.put(payload, [Buffer.from(JSON.stringify({ data: 'x'.repeat(2_000) }))]);

  async function accept(owner: string) {
    const result = await acceptTransaction(db, {
      id: randomUUID(),
      owner,
      kind: 'spid.enroll',
      subject,
      operator,
      operatorVerification: 'verified',
      capturedAt: new Date(),
      requestMac: randomBytes(32),
      payload,
      payloadBytes: bytes,
      wrappedKey,
      dueInMs: LATER_MS,
    });
    if (result.kind !== 'accepted') throw new Error(`not accepted: ${result.kind}`);
    return result.transaction;
  }

  return {
    db,
    queues,
    env: {
      DATABASE_URL: database,
      REDIS_URL: redis,
      VAULT_URL: `file:${vaultDir}`,
      ATESTO_STATE_DIR: stateDir,
      METRICS_PORT: '0',
      LOG_LEVEL: 'info',
    },
    /** As if one branch had brought them. */
    async copies(number: number, state: string, dueInMs: number): Promise<void> {
      const { id } = await accept(randomUUID());
      // In pieces: no statement takes longer than ten seconds.
      for (let left = number - 1; left > 0; left -= 10_000) {
        await db.query(
          `insert into transactions (id, owner, kind, subject, operator, operator_verification, captured_at, request_mac, payload,
              payload_bytes, wrapped_key, state, attempt, due_at)
            select gen_random_uuid(), owner, kind, subject, operator, operator_verification, captured_at, request_mac, payload,
              payload_bytes, wrapped_key, $2, $3, now() + $4 * interval '1 millisecond'
            from transactions, generate_series(1, $5::int) where id = $1`,
          [id, state, state === 'retrying' ? 1 : 0, dueInMs, Math.min(left, 10_000)],
        );
      }
      await db.query(
        `update transactions set state = $2, due_at = now() + $3 * interval '1 millisecond' where id = $1`,
        [id, state, dueInMs],
      );
      await db.query('analyze');
    },
    /** Each a branch's single capture, accepted and put in line as the gateway does. @returns what each waited for its claim */
    async live(seconds: number): Promise<number[]> {
      const ids: string[] = [];
      for (let i = 0; i < seconds * LIVE_PER_SECOND; i++) {
        const transaction = await accept(randomUUID());
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
    async close() {
      await queues.close();
      await db.end();
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
