import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Postgres } from '../../../../test/stack/postgres.ts';
import { startPostgres } from '../../../../test/stack/postgres.ts';
import type { RedisServer } from '../../../../test/stack/redis.ts';
import { startRedis } from '../../../../test/stack/redis.ts';
import { waitFor } from '../../../../test/stack/wait-for.ts';
import type { QueueBackend } from './backend.ts';
import { consume } from './consume.ts';
import type { TransactionJob } from './jobs.ts';
import { queuesOf } from './jobs.ts';
import type { WorkQueues } from './queues.ts';
import { openQueues } from './queues.ts';

/** The same suite for each backend: what the house relies on is what it checks. */
describe.each(['postgres', 'redis'] as const)('work queues on %s', (kind) => {
  let postgres: Postgres | undefined;
  let redis: RedisServer | undefined;
  let backend: QueueBackend;
  let queues: WorkQueues;
  const errors: Error[] = [];
  const onError = (error: Error) => errors.push(error);

  beforeAll(async () => {
    if (kind === 'postgres') {
      postgres = await startPostgres();
      backend = { kind, url: await postgres.createDatabase() };
    } else {
      redis = await startRedis();
      backend = { kind, url: redis.url };
    }
    queues = openQueues(backend, queuesOf([{ name: 'main' }]), onError);
  });
  afterAll(async () => {
    await queues?.close();
    await postgres?.stop();
    await redis?.stop();
    expect(errors).toEqual([]);
  });

  const moment = (overrides: Partial<TransactionJob> = {}): TransactionJob => ({
    id: randomUUID(),
    kind: 'spid.enroll',
    state: 'accepted',
    version: 0,
    attempt: 0,
    ...overrides,
  });

  /** Works until `count` jobs were handled; gives what was handled, in order. */
  async function work(count: number, concurrency = 1): Promise<{ name: string; job: TransactionJob }[]> {
    const handled: { name: string; job: TransactionJob }[] = [];
    const consumer = consume(backend, { queue: 'spid', concurrency, onError }, async (name, job) => {
      handled.push({ name, job });
    });
    await waitFor(() => handled.length >= count, { what: `${count} handled jobs`, timeoutMs: 20_000 });
    await consumer.close();
    return handled;
  }

  it('carries a moment and the work that its state needs', async () => {
    const moments = [moment(), moment({ state: 'unknown', version: 2 }), moment({ state: 'awaiting', version: 3 })];
    for (const one of moments) await queues.enqueue(one);
    const handled = await work(3);
    expect(handled.map(({ name, job }) => [name, job.id])).toEqual([
      ['submit', moments[0]?.id],
      ['reconcile', moments[1]?.id],
      ['poll', moments[2]?.id],
    ]);
  });

  it('serves a person who waits before everything else, and polls last', async () => {
    const poll = moment({ state: 'awaiting' });
    const resend = moment({ state: 'retrying' });
    const first = moment();
    const person = moment({ kind: 'spid.verify' });
    await queues.enqueue(poll);
    await queues.enqueue(resend, 'resend');
    await queues.enqueue(first);
    await queues.enqueue(person, 'personWaiting');
    expect((await work(4)).map(({ job }) => job.id)).toEqual([person.id, first.id, resend.id, poll.id]);
  });

  it('lets one station’s single capture pass another’s backlog, in its lane', async () => {
    const [branch, another] = [randomUUID(), randomUUID()];
    const before = await queues.inLine('spid', 'firstSend');
    const backlog = Array.from({ length: 300 }, () => moment());
    await Promise.all(backlog.map((one) => queues.enqueue({ ...one, station: branch, owner: branch })));
    const single = moment();
    const person = moment();
    await queues.enqueue({ ...single, station: another });
    await queues.enqueue({ ...person, station: branch }, 'personWaiting');
    expect(await queues.inLine('spid', 'firstSend')).toBe(before + 301);
    const handled = (await work(302)).map(({ job }) => job);
    expect(handled[0]?.id).toBe(person.id);
    expect(handled.findIndex(({ id }) => id === single.id)).toBeLessThan(15);
    // Nothing is lost.
    expect(new Set(handled.map(({ id }) => id)).size).toBe(302);
    expect(JSON.stringify(handled)).not.toContain(branch);
  });

  it('keeps one job for one moment while it waits', async () => {
    const one = moment();
    const last = moment({ state: 'awaiting' });
    await Promise.all([queues.enqueue(one), queues.enqueue(one), queues.enqueue(one)]);
    await queues.enqueue(last);
    expect((await work(2)).map(({ job }) => job.id)).toEqual([one.id, last.id]);
  });

  it('puts what comes at once in line as few jobs, in their lanes, and works each by itself', async () => {
    const grouping = openQueues(backend, ['spid'], onError, { grouped: ['spid'] });
    const firsts = Array.from({ length: 100 }, () => moment());
    const polls = Array.from({ length: 20 }, () => moment({ state: 'awaiting' }));
    await Promise.all([...polls, ...firsts].map((one) => grouping.enqueue(one)));
    expect(await grouping.inLine('spid', 'firstSend')).toBeLessThan(20);
    expect(await grouping.inLine('spid')).toBeLessThan(25);
    const handled = await work(120);
    expect(handled.map(({ name }) => name)).toEqual([...firsts.map(() => 'submit'), ...polls.map(() => 'poll')]);
    expect(new Set(handled.map(({ job }) => job.id)).size).toBe(120);
    await grouping.close();
  });

  it('works no more at once than it was told, and fails one without the others', async () => {
    const grouping = openQueues(backend, ['spid'], onError, { grouped: ['spid'] });
    await Promise.all(Array.from({ length: 200 }, () => grouping.enqueue(moment())));
    await grouping.close();
    let [underWay, most, handled] = [0, 0, 0];
    const failures: Error[] = [];
    const onFailure = (error: Error) => failures.push(error);
    const consumer = consume(backend, { queue: 'spid', concurrency: 20, onError: onFailure }, async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      if (++handled % 10 === 0) throw new RangeError(`the ${handled}th`);
    });
    await waitFor(() => handled === 200, { what: '200 handled moments', timeoutMs: 20_000 });
    await consumer.close();
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(20);
    expect(failures.map(({ message }) => message)).toHaveLength(20);
  });

  it('puts back what has not begun when it is closed', async () => {
    const grouping = openQueues(backend, ['spid'], onError, { grouped: ['spid'] });
    const several = Array.from({ length: 30 }, () => moment());
    await Promise.all(several.map((one) => grouping.enqueue(one)));
    await grouping.close();
    const begun: string[] = [];
    const release = Promise.withResolvers<void>();
    const consumer = consume(backend, { queue: 'spid', concurrency: 3, onError }, async (_name, { id }) => {
      begun.push(id);
      await release.promise;
    });
    await waitFor(() => begun.length === 3, { what: 'three that have begun', timeoutMs: 20_000 });
    const closed = consumer.close();
    release.resolve();
    await closed;
    expect(begun).toHaveLength(3);
    const others = (await work(27)).map(({ job }) => job.id);
    expect(new Set([...begun, ...others])).toEqual(new Set(several.map(({ id }) => id)));
  });

  it('takes a job of several apart where jobs are counted', async () => {
    const grouping = openQueues(backend, ['spid'], onError, { grouped: ['spid'] });
    const several = Array.from({ length: 40 }, () => moment());
    await Promise.all(several.map((one) => grouping.enqueue(one)));
    await grouping.close();
    const times: number[] = [];
    const ids = new Set<string>();
    const consumer = consume(backend, { queue: 'spid', concurrency: 20, limit: 40, onError }, async (_name, { id }) => {
      times.push(performance.now());
      ids.add(id);
    });
    await waitFor(() => ids.size === 40, { what: '40 handled moments', timeoutMs: 20_000 });
    await consumer.close();
    expect(times).toHaveLength(40);
    // Ten in a quarter of a second: four of them.
    expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(650);
  });

  it('enqueues nothing for a state without work', async () => {
    await queues.enqueue(moment({ state: 'concluded' }));
    const last = moment();
    await queues.enqueue(last);
    expect((await work(1)).map(({ job }) => job.id)).toEqual([last.id]);
  });

  it('finishes what is under way when it is closed', async () => {
    const one = moment();
    await queues.enqueue(one);
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: release, resolve: finish } = Promise.withResolvers<void>();
    let finished = false;
    const consumer = consume(backend, { queue: 'spid', concurrency: 1, onError }, async () => {
      begin();
      await release;
      finished = true;
    });
    await begun;
    const closed = consumer.close();
    finish();
    await closed;
    expect(finished).toBe(true);
  });

  it('begins as many at once as it is told, and none while that is none', async () => {
    const begun: string[] = [];
    let release = Promise.withResolvers<void>();
    const consumer = consume(backend, { queue: 'spid', concurrency: 5, onError }, async (_name, { id }) => {
      begun.push(id);
      await release.promise;
    });
    const finish = () => {
      release.resolve();
      release = Promise.withResolvers();
    };
    for (let i = 0; i < 5; i++) await queues.enqueue(moment());
    await waitFor(() => begun.length === 5, { what: 'five jobs at once' });
    consumer.adapt(0);
    finish();
    await queues.enqueue(moment());
    // What is done without is told from what is not done yet by a second consumer, which gets it.
    expect((await work(1)).length).toBe(1);
    expect(begun.length).toBe(5);
    for (let i = 0; i < 6; i++) await queues.enqueue(moment());
    for (const [jobs, goal] of [
      [2, 7],
      [1, 8],
      [3, 11],
    ] as const) {
      consumer.adapt(jobs);
      await waitFor(() => begun.length >= goal, { what: `${goal} jobs begun` });
      expect(begun.length).toBe(goal);
      finish();
    }
    await consumer.close();
  });

  it('goes on with a rate when the clock that wrote its window was set back', async () => {
    const handled: string[] = [];
    const workOne = async (meanwhile: () => Promise<void> = async () => {}) => {
      const wanted = moment();
      await queues.enqueue(wanted);
      const consumer = consume(backend, { queue: 'spid', concurrency: 1, limit: 4, onError }, async (_name, { id }) => {
        handled.push(id);
      });
      const isHandled = async () => {
        await meanwhile();
        return handled.includes(wanted.id);
      };
      await waitFor(isHandled, { what: 'a job that is counted against the rate', timeoutMs: 10_000, everyMs: 100 });
      await consumer.close();
    };
    const now = Date.now.bind(Date);
    const ahead = vi.spyOn(Date, 'now').mockImplementation(() => now() + 20 * 60_000);
    await workOne();
    ahead.mockRestore();
    await workOne(() => queues.mendRate('spid'));
  });

  it('is closed while it takes none', async () => {
    let handled = 0;
    const consumer = consume(backend, { queue: 'spid', concurrency: 5, onError }, async () => void handled++);
    await queues.enqueue(moment());
    await waitFor(() => handled === 1, { what: 'a job that was handled' });
    consumer.adapt(0);
    await consumer.close();
  });

  it('answers whether it is reachable', async () => {
    expect(await queues.isReachable()).toBe(true);
  });
});
