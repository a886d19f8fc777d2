import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { openPlatform } from '../stack/platform.ts';
import type { FaultHouse } from './fault-house.fixture.ts';
import type { History, LedgerEvent, LedgerRow, Tombstone } from './history.ts';
import { openIdcloud } from './idcloud-creates.fixture.ts';
import type { MortalRedis } from './redis.fixture.ts';

type Evidence = Pick<History, 'held' | 'wire' | 'lastSent' | 'tombstones' | 'rows' | 'events' | 'texts'>;

/** What the platforms, the ledger, the logs and the queue hold. */
export async function readEvidence(house: FaultHouse, servers: readonly MortalRedis[]): Promise<Evidence> {
  const [held, received] = await Promise.all([house.platform.transactions(), house.platform.received('enroll')]);
  const [processes, creates] = await Promise.all([
    openIdcloud(house).processes(),
    openPlatform(house.idcloud.url).received('createProcess'),
  ]);
  const { rows } = await house.db.query<LedgerRow>(
    'select id, state, attempt, version, verdict, reason from transactions',
  );
  const { rows: events } = await house.db.query<LedgerEvent>(
    `select transaction_id as id, seq, type, from_state as "from", to_state as "to"
     from transaction_events order by transaction_id, seq`,
  );
  const { rows: tombstones } = await house.db.query<Tombstone>(
    `select t.id, e.from_state as "from", e.detail ->> 'by' as by, extract(epoch from e.at)::float8 * 1000 as at,
       num_nonnulls(t.wrapped_key, t.missing_sealed, t.answer_sealed, t.result, t.sdk_capture, t.subject, t.operator, t.captured_at,
         t.verdict, t.upstream_status, t.reason)
       + (select count(*)::int from captures c where c.transaction_id = t.id) as holds
     from transactions t join transaction_events e on e.transaction_id = t.id and e.type = 'erased' where t.state = 'erased'`,
  );
  return {
    held: [
      ...held.map(({ subject, timestamp }) => `${subject} ${timestamp}`),
      ...processes.map(({ subject }) => `idcloud ${subject}`),
    ],
    wire: [...received, ...creates].flatMap(({ sha256 }) => (sha256 === undefined ? [] : [sha256])),
    // In the order in which they came: the last one stands.
    lastSent: new Map(received.flatMap(({ sha256, at }) => (sha256 === undefined ? [] : [[sha256, at]]))),
    tombstones,
    rows,
    events,
    texts: [...(await logs(house.dir)), ...(await tables(house)), ...(await Promise.all(servers.map(dump)))],
  };
}

async function logs(dir: string): Promise<{ where: string; text: string }[]> {
  const folder = path.join(dir, 'logs');
  const names = (await readdir(folder)).filter((name) => !name.startsWith('simulator'));
  return Promise.all(
    names.map(async (name) => ({ where: name, text: await readFile(path.join(folder, name), 'utf8') })),
  );
}

/** Ledger and queue as a thief of a dump reads them. */
async function tables({ db }: FaultHouse): Promise<{ where: string; text: string }[]> {
  const { rows } = await db.query<{ where: string }>(
    `select format('%I.%I', schemaname, tablename) as where from pg_tables where schemaname in ('public', 'bullmq')`,
  );
  const read = async ({ where }: { where: string }) => {
    const { rows: lines } = await db.query<{ text: string }>(`select row_to_json(t)::text as text from ${where} t`);
    return { where, text: lines.map(({ text }) => text).join('\n') };
  };
  return Promise.all(rows.map(read));
}

/** Every key of Redis with what it holds. */
async function dump(redis: MortalRedis): Promise<{ where: string; text: string }> {
  const readers: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => redis.command('get', key),
    hash: (key) => redis.command('hgetall', key),
    list: (key) => redis.command('lrange', key, '0', '-1'),
    set: (key) => redis.command('smembers', key),
    zset: (key) => redis.command('zrange', key, '0', '-1'),
    stream: (key) => redis.command('xrange', key, '-', '+'),
  };
  const keys = (await redis.command('keys', '*')) as string[];
  const parts = await Promise.all(
    keys.map(async (key) => [key, await readers[(await redis.command('type', key)) as string]?.(key)]),
  );
  return { where: 'Redis', text: JSON.stringify(parts) };
}
