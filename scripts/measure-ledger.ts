import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import { createApplyEvent } from '@atesto/shared/ledger/apply-events';
import { archiveEnded } from '@atesto/shared/ledger/archive';
import { insertCapture } from '@atesto/shared/ledger/captures';
import { type Database, migrate, openDatabase } from '@atesto/shared/ledger/database';
import { ensureSubject } from '@atesto/shared/ledger/subjects';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { openQueues } from '@atesto/shared/queues/queues';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { createVault } from '@atesto/shared/vault/vault';
import { Redis } from 'ioredis';
import { startPostgres } from '../test/stack/postgres.ts';
import { startRedis } from '../test/stack/redis.ts';

/**
 * What one transaction takes of PostgreSQL, Redis and the vault, for the arithmetic of `docs/scaling.md`:
 * `node scripts/run.mjs scripts/measure-ledger.ts --transactions 10000 --captures 4`
 */
const { values } = parseArgs({
  options: { transactions: { type: 'string', default: '10000' }, captures: { type: 'string', default: '4' } },
});
const [TRANSACTIONS, CAPTURES] = [Number(values.transactions), Number(values.captures)];
const EVENTS: TransactionEvent[] = [
  { type: 'claimed' },
  { type: 'taken', upstreamId: 'a-guid-of-the-platform-36-characters', upstreamStatus: 'ENROLL_PENDING' },
  { type: 'concluded', outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } },
];
const BODY_BYTES = 300_000;
const TABLES = ['transactions', 'transaction_events', 'captures', 'subjects'];
const ARCHIVE = ['archived_transactions', 'archived_transaction_events', 'archived_captures'];

const say = (what: string, number: number, unit: string) => console.log(`${what}: ${Math.round(number)} ${unit}`);

const postgres = await startPostgres({ fsync: true });
await migrate(postgres.url);
// As the services open it: one for what goes by ids, and another for the rest.
const byId = openDatabase({ url: postgres.url, keepPlans: true }, () => undefined);
const db = openDatabase({ url: postgres.url }, () => undefined);
try {
  await measureLedger(byId, db, postgres.pid as number);
} finally {
  await Promise.all([byId.end(), db.end()]);
  await postgres.stop();
}
await measureQueue();
await measureVault();

async function measureLedger(byId: Database, ledger: Database, server: number): Promise<void> {
  const applyEvent = createApplyEvent(byId);
  const one = async () => {
    const owner = randomUUID();
    const captures = await Promise.all(
      Array.from({ length: CAPTURES }, async (_, index) => {
        const id = randomUUID();
        await insertCapture(byId, {
          ...{ id, owner, format: 'png', width: 357, height: 392, dpi: 500, bytes: 75_000 },
          ...{ sha256: randomBytes(32), record: randomUUID(), wrappedKey: randomBytes(60) },
        });
        const device = { model: 'A reader of a maker', usb: '05ba:000a', serial: 'A0001' };
        return { id, index, device };
      }),
    );
    const accepted = await acceptTransaction(byId, {
      ...{ id: randomUUID(), owner, kind: 'spid.enroll', captures },
      subject: await ensureSubject(byId, { cpfIndex: randomBytes(32), cpfSealed: randomBytes(40) }),
      ...{ requestMac: randomBytes(32), payload: randomUUID(), payloadBytes: BODY_BYTES, wrappedKey: randomBytes(60) },
      dueInMs: 60_000,
    });
    if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
    let row = accepted.transaction;
    for (const event of EVENTS) {
      const after = await applyEvent(row, event, event.type === 'concluded' ? {} : { dueInMs: 60_000 });
      if (!after) throw new Error(event.type);
      row = after;
    }
    return row.id;
  };
  const many = async (count: number) => {
    let left = count;
    const ids: string[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        while (left-- > 0) ids.push(await one());
      }),
    );
    return ids;
  };
  await many(500);
  const before = await sizes(ledger, TABLES);
  const ids = await costs('a transaction from acceptance to its end', ledger, server, TRANSACTIONS, () =>
    many(TRANSACTIONS),
  );
  const after = await sizes(ledger, TABLES);
  for (const [at, table] of TABLES.entries()) {
    say(`  ${table}, rows`, ((after[at]?.rows ?? 0) - (before[at]?.rows ?? 0)) / TRANSACTIONS, 'bytes');
    say(`  ${table}, indexes`, ((after[at]?.indexes ?? 0) - (before[at]?.indexes ?? 0)) / TRANSACTIONS, 'bytes');
  }
  await ledger.query(`update transactions set updated_at = updated_at - interval '100 days'`);
  for (const table of TABLES) await ledger.query(`vacuum (full, analyze) ${table}`);
  const live = await sizes(ledger, TABLES);
  say('  live rows with nothing dead among them', sum(live) / (TRANSACTIONS + 500), 'bytes');
  await costs('its way into the archive', ledger, server, TRANSACTIONS, async () => {
    while ((await archiveEnded(ledger, { afterDays: 90, limit: 500 })) === 500);
  });
  const archived = await sizes(ledger, ARCHIVE);
  for (const [at, table] of ARCHIVE.entries()) {
    say(`  ${table}, rows`, (archived[at]?.rows ?? 0) / (TRANSACTIONS + 500), 'bytes');
    say(`  ${table}, indexes`, (archived[at]?.indexes ?? 0) / (TRANSACTIONS + 500), 'bytes');
  }
  await ledger.query('vacuum analyze');
  await costs('a look-up of an archived transaction', ledger, server, ids.length, async () => {
    for (const id of ids) if (!(await getTransaction(ledger, id))) throw new Error('not found');
  });
  await costs('a transaction after it', ledger, server, TRANSACTIONS, () => many(TRANSACTIONS));
}

interface Size {
  rows: number;
  indexes: number;
}

function sum(all: readonly Size[]): number {
  return all.reduce((bytes, { rows, indexes }) => bytes + rows + indexes, 0);
}

async function sizes(ledger: Database, tables: readonly string[]): Promise<Size[]> {
  const { rows } = await ledger.query<{ rows: string; indexes: string }>(
    `select pg_table_size(name::regclass) as rows, pg_indexes_size(name::regclass) as indexes
     from unnest($1::text[]) with ordinality as t (name, at) order by at`,
    [tables],
  );
  return rows.map((row) => ({ rows: Number(row.rows), indexes: Number(row.indexes) }));
}

async function costs<T>(what: string, ledger: Database, server: number, count: number, work: () => Promise<T>) {
  const wal = async () => (await ledger.query(`select pg_current_wal_insert_lsn() - '0/0' as bytes`)).rows[0].bytes;
  const [bytes, cpu, began] = [Number(await wal()), await cpuOf(server), performance.now()];
  const result = await work();
  const seconds = (performance.now() - began) / 1_000;
  console.log(`${what}, ${Math.round(count / seconds)} a second here`);
  say('  write-ahead log', (Number(await wal()) - bytes) / count, 'bytes');
  say('  processor of PostgreSQL', (((await cpuOf(server)) - cpu) * 1e6) / count, 'µs');
  return result;
}

/** Seconds of processor time of a server and its children, living and gone. */
async function cpuOf(server: number): Promise<number> {
  const TICKS = 100;
  let ticks = 0;
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [own, gone] = [Number(fields[11]) + Number(fields[12]), Number(fields[13]) + Number(fields[14])];
    if (Number(pid) === server) ticks += own + gone;
    else if (Number(fields[1]) === server) ticks += own;
  }
  return ticks / TICKS;
}

async function measureQueue(): Promise<void> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const queues = openQueues({ kind: 'redis', url: server.url }, ['spid'], console.error);
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  try {
    await queues.isReachable();
    const before = await used();
    for (let i = 0; i < TRANSACTIONS; i += 100) {
      const moment = () =>
        ({ id: randomUUID(), kind: 'spid.enroll', state: 'accepted', version: 0, attempt: 0 }) as const;
      await Promise.all(Array.from({ length: 100 }, () => queues.enqueue(moment())));
    }
    say('a job in line, memory of Redis', ((await used()) - before) / TRANSACTIONS, 'bytes');
  } finally {
    await queues.close();
    redis.disconnect();
    await server.stop();
  }
}

async function measureVault(): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), 'atesto-measure-'));
  try {
    const keyRing = createKeyRing([{ id: 'k', key: generateKey() }], generateKey());
    const vault = createVault({ keyRing, store: await createFileStore(dir) });
    await vault.put(
      randomUUID(),
      (async function* () {
        yield randomBytes(BODY_BYTES);
      })(),
    );
    for (const name of await readdir(dir, { recursive: true })) {
      const file = await stat(path.join(dir, name));
      if (file.isFile()) say(`a sealed body of ${BODY_BYTES} bytes`, file.size, 'bytes');
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
