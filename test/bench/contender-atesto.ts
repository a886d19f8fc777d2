import path from 'node:path';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { ServiceProcess } from '../stack/processes.ts';
import { waitFor } from '../stack/wait-for.ts';
import { bodiesOf, FIRST_TIMESTAMP, numbersIn } from './bodies.ts';
import type { Contender } from './contender.ts';
import { type Installation, openInstallation } from './installation.ts';
import { processorTime } from './processor.ts';
import type { Place, Servers, Stub } from './servers.ts';
import { inParallel } from './variant.ts';

export interface AtestoSettings {
  installation: Installation;
  /** Its workers, as they run. */
  workers: readonly ServiceProcess[];
  stub: Stub;
  /** Size of a body, in bytes. */
  aim: number;
}

/**
 * Workers as they run. While a round is prepared they are frozen: they are up, connected and in the middle of waiting for work when it begins. A round ends when
 * the ledger has the outcome of every transaction.
 */
export function openAtesto({ installation, workers, stub, aim }: AtestoSettings): Contender {
  const { db, queues } = installation;
  const bodies = bodiesOf(aim);
  let accepted: TransactionRow[] = [];
  return {
    async prepare(range) {
      freeze(workers);
      accepted = [];
      await inParallel(numbersIn(range), 20, async (number) => {
        const sealed = await installation.seal(bodies.of(number));
        const transaction = await installation.accept(sealed, { capturedAt: new Date(FIRST_TIMESTAMP + number) });
        accepted.push(transaction);
        await queues.enqueue(transaction);
      });
      // After so many inserts at once; where they come over hours, autovacuum does it.
      await db.query('analyze');
    },
    async run() {
      const ids = accepted.map(({ id }) => id);
      const took = await wake({ workers, stub }, ids.length, () => areConcluded(installation, ids));
      return { ...took, msPerBody: await msOfOne(installation, ids) };
    },
    async finish() {
      // Whoever is measured next is alone. The bodies stay until the bench is over: ext4 without a journal looks for a minute at each inode that was freed.
      freeze(workers);
    },
  };
}

export function freeze(workers: readonly ServiceProcess[]): void {
  for (const worker of workers) worker.kill('SIGSTOP');
}

export function thaw(workers: readonly ServiceProcess[]): void {
  for (const worker of workers) worker.kill('SIGCONT');
}

/** Lets frozen workers work until the stub has had `count` requests and the ledger says that it is over. */
export async function wake(
  { workers, stub }: Pick<AtestoSettings, 'workers' | 'stub'>,
  count: number,
  isOver: () => Promise<boolean>,
): Promise<{ seconds: number; cpuUs: number }> {
  const cpu = () => workers.reduce((sum, { pid }) => sum + (processorTime(pid) ?? 0), 0);
  const before = cpu();
  const began = performance.now();
  thaw(workers);
  await stub.until(count);
  await waitFor(isOver, { what: 'the outcomes in the ledger', timeoutMs: 60_000, everyMs: 2 });
  return { seconds: (performance.now() - began) / 1000, cpuUs: cpu() - before };
}

/** An installation of its own whose workers bring transactions to the stub, as fast as they can. */
export async function openSubmitters(
  place: Place,
  name: string,
  of: { servers: Servers; stub: Pick<Stub, 'url'>; redis?: string; env?: Record<string, string>; processes?: number },
): Promise<{ installation: Installation; workers: ServiceProcess[] }> {
  const installation = await openInstallation({
    dir: path.join(place.dir, name),
    database: await of.servers.postgres.createDatabase(),
    ...(of.redis === undefined ? {} : { redis: of.redis }),
    processes: place.processes,
    env: { SPID_SERVER_URL: of.stub.url, SPID_SERVER_RATE: '0' },
  });
  place.processes.onStop(() => installation.close());
  const workers: ServiceProcess[] = [];
  for (let i = 0; i < (of.processes ?? 1); i++) workers.push(await installation.startWorkers(of.env));
  return { installation, workers };
}

/** @throws Error when one is over in another way, or was tried more than once */
async function areConcluded({ db }: Pick<Installation, 'db'>, ids: readonly string[]): Promise<boolean> {
  const { rows } = await db.query<{ state: string; attempt: number; count: number }>({
    name: 'bench-standing',
    text: 'select state, attempt, count(*)::int as count from transactions where id = any($1::uuid[]) group by state, attempt',
    values: [ids],
  });
  const wrong = rows.find(({ state, attempt }) => attempt > 1 || state === 'dead' || state === 'unknown');
  if (wrong) throw new Error(`${wrong.count} of ${ids.length} are ${wrong.state} after ${wrong.attempt} attempts`);
  return rows.every(({ state }) => state === 'concluded');
}

/** From the claim to the outcome, by the ledger's events: the median, in milliseconds. */
async function msOfOne({ db }: Pick<Installation, 'db'>, ids: readonly string[]): Promise<number> {
  const { rows } = await db.query<{ ms: number }>(
    `select percentile_cont(0.5) within group (order by extract(epoch from o.at - c.at) * 1000)::float8 as ms
      from transaction_events c join transaction_events o on o.transaction_id = c.transaction_id
      where c.transaction_id = any($1::uuid[]) and c.type = 'claimed' and o.type = 'concluded'`,
    [ids],
  );
  return rows[0]?.ms ?? Number.NaN;
}
