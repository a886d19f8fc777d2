import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Postgres } from '../../../../test/stack/postgres.ts';
import { startPostgres } from '../../../../test/stack/postgres.ts';
import type { RedisServer } from '../../../../test/stack/redis.ts';
import { startRedis } from '../../../../test/stack/redis.ts';
import { waitFor } from '../../../../test/stack/wait-for.ts';
import { type Database, migrate, openDatabase } from '../ledger/database.ts';
import { createRequestBudgets, pacing, type RequestBudgets } from '../ledger/request-budget.ts';
import type { QueueBackend } from './backend.ts';
import { consume, type WorkConsumer } from './consume.ts';
import { type JobName, type Lane, queueOf, type TransactionJob } from './jobs.ts';
import type { Pace } from './paced.ts';
import { openQueues, type WorkQueues } from './queues.ts';

/** Two workers on the queue of one account, paced by its budget in the ledger; the same suite for each backend. */
describe.each(['postgres', 'redis'] as const)('paced queues on %s', (kind) => {
  let postgres: Postgres;
  let redis: RedisServer | undefined;
  let backend: QueueBackend;
  let db: Database;
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);

  beforeAll(async () => {
    postgres = await startPostgres();
    const url = await postgres.createDatabase();
    await migrate(url);
    db = openDatabase({ url }, onError);
    if (kind === 'redis') redis = await startRedis();
    backend = { kind, url: redis?.url ?? (await postgres.createDatabase()) };
  });
  afterAll(async () => {
    await db?.end();
    await redis?.stop();
    await postgres?.stop();
    expect(errors).toEqual([]);
  });

  /** What was begun, in order, and when. */
  interface Begun {
    name: JobName;
    id: string;
    at: number;
  }

  class Account {
    readonly name = `a${randomUUID().slice(0, 8)}`;
    readonly queues: WorkQueues = openQueues(backend, [queueOf({ account: this.name })], onError);
    readonly budgets: RequestBudgets;
    readonly begun: Begun[] = [];
    readonly #consumers: WorkConsumer[] = [];

    constructor(requestsPerSecond: number) {
      this.budgets = createRequestBudgets(db, [{ name: this.name, requestsPerSecond }], onError);
    }

    moment(state: TransactionJob['state'] = 'accepted'): TransactionJob {
      return { id: randomUUID(), kind: 'idcloud.process', account: this.name, state, version: 0, attempt: 0 };
    }

    work(spends: Pace['spends'] = async () => true, handle: () => Promise<void> = async () => {}): void {
      const limit: Pace = { turn: (signal) => this.budgets.turn(this.name, signal), spends };
      const queue = queueOf({ account: this.name });
      this.#consumers.push(
        consume(backend, { queue, concurrency: 10, limit, onError }, async (name, { id }) => {
          this.begun.push({ name, id, at: performance.now() });
          await handle();
        }),
      );
    }

    adapt(jobs: number): void {
      for (const consumer of this.#consumers) consumer.adapt(jobs);
    }

    async begin(count: number): Promise<Begun[]> {
      await waitFor(() => this.begun.length >= count, { what: `${count} jobs begun`, timeoutMs: 20_000 });
      return this.begun;
    }

    async count(state: string): Promise<number> {
      return (await this.queues.counts()).find((one) => one.state === state)?.count ?? 0;
    }

    inLine(lane: Lane): Promise<number> {
      return this.queues.inLine(queueOf({ account: this.name }), lane);
    }

    async rest(): Promise<void> {
      await Promise.all(this.#consumers.splice(0).map((consumer) => consumer.close()));
    }

    async close(): Promise<void> {
      await this.rest();
      await this.queues.close();
    }
  }

  it('holds to the limit over two workers, jobs that take long included', async () => {
    const account = new Account(40);
    for (let i = 0; i < 30; i++) await account.queues.enqueue(account.moment());
    const { promise: release, resolve: finish } = Promise.withResolvers<void>();
    setTimeout(finish, 400);
    for (let i = 0; i < 2; i++) account.work(undefined, () => release);
    const begun = await account.begin(30);
    const interval = 1000 / (40 * pacing.share);
    const span = (begun[29] as Begun).at - (begun[0] as Begun).at;
    expect(span).toBeGreaterThanOrEqual(29 * interval - 2 * pacing.lateMs - 5);
    const tens = begun.slice(10).map(({ at }, i) => at - (begun[i] as Begun).at);
    expect(Math.min(...tens)).toBeGreaterThanOrEqual(10 * interval * 0.7);
    await account.close();
  });

  it('begins none while it is told so, and the most urgent after that', async () => {
    const account = new Account(200);
    account.work();
    await account.queues.enqueue(account.moment());
    await account.begin(1);
    account.adapt(0);
    const poll = account.moment('awaiting');
    const person = account.moment();
    await account.queues.enqueue(account.moment('awaiting'));
    await waitFor(async () => (await account.count('active')) === 1, {
      what: 'the one that is held until there is a turn',
    });
    await account.queues.enqueue(poll);
    await account.queues.enqueue(person, 'personWaiting');
    expect(account.begun.length).toBe(1);
    account.adapt(1);
    const begun = await account.begin(4);
    expect(begun.findIndex(({ id }) => id === person.id)).toBeLessThan(begun.findIndex(({ id }) => id === poll.id));
    await account.close();
  });

  it('stops both workers for as long as Retry-After says', async () => {
    const account = new Account(100);
    for (let i = 0; i < 6; i++) await account.queues.enqueue(account.moment());
    let stoppedAt = 0;
    const stop = async () => {
      if (stoppedAt) return;
      stoppedAt = performance.now();
      await account.budgets.throttled(account.name, 1_500);
    };
    for (let i = 0; i < 2; i++) account.work(undefined, stop);
    const begun = await account.begin(6);
    // The other worker may have begun one while the answer was on its way.
    const later = begun.filter(({ at }) => at > stoppedAt + 200);
    expect(later.length).toBeGreaterThanOrEqual(3);
    for (const { at } of later) expect(at - stoppedAt).toBeGreaterThanOrEqual(1_490);
    await account.close();
  });

  it('gives the next turn to whoever is first by then', async () => {
    const account = new Account(10);
    for (let i = 0; i < 25; i++) await account.queues.enqueue(account.moment('awaiting'));
    expect(await account.inLine('poll')).toBe(25);
    for (let i = 0; i < 2; i++) account.work();
    for (const lane of ['firstSend', 'personWaiting', 'resend'] as const) {
      await account.begin(account.begun.length + 3);
      const waiting = account.moment();
      await account.queues.enqueue(waiting, lane);
      const before = account.begun.length;
      await waitFor(() => account.begun.some(({ id }) => id === waiting.id), { what: 'the submission' });
      // One poll may be on its way out of the line at the moment of the enqueueing.
      expect(account.begun.findIndex(({ id }) => id === waiting.id) - before).toBeLessThanOrEqual(1);
    }
    await account.close();
  });

  it('after a pause too: what came first waits for what goes first', async () => {
    const account = new Account(20);
    await account.budgets.throttled(account.name, 1_200);
    account.work();
    const poll = account.moment('awaiting');
    const person = account.moment();
    await account.queues.enqueue(poll);
    await waitFor(async () => (await account.count('active')) === 1, { what: 'the poll in hand' });
    await account.queues.enqueue(person, 'personWaiting');
    expect((await account.begin(2)).map(({ id }) => id)).toEqual([person.id, poll.id]);
    await account.close();
  });

  it('spends nothing on a job that calls nobody', async () => {
    const account = new Account(1);
    for (let i = 0; i < 20; i++) await account.queues.enqueue(account.moment('awaiting'));
    const began = performance.now();
    account.work(async (name) => name !== 'poll');
    await account.begin(20);
    expect(performance.now() - began).toBeLessThan(5_000);
    await account.close();
  });

  it('gives a job back that waits for its turn when it is closed', async () => {
    const account = new Account(10);
    await account.budgets.throttled(account.name, 60_000);
    account.work();
    const job = account.moment();
    await account.queues.enqueue(job, 'personWaiting');
    await waitFor(async () => (await account.count('active')) === 1, { what: 'the job in hand' });
    await account.rest();
    expect(account.begun).toEqual([]);
    expect(await account.inLine('personWaiting')).toBe(1);
    await account.close();
  });
});
