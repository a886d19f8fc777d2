import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { redisUrl } from '@atesto/shared/config/redis-url';
import { prefixOf } from '@atesto/shared/queues/connection';
import { consume } from '@atesto/shared/queues/consume';
import { evictionOf } from '@atesto/shared/queues/eviction';
import { queuesOf } from '@atesto/shared/queues/jobs';
import { openQueues } from '@atesto/shared/queues/queues';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificate } from '../stack/certificates.ts';
import { waitFor } from '../stack/wait-for.ts';
import { deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import type { Guard } from './redis.fixture.ts';
import { openRedisCluster, type RedisCluster } from './redis-cluster.fixture.ts';
import { openRedisSentinels } from './redis-sentinel.fixture.ts';
import { untilAllSettled } from './settling.fixture.ts';

describe('a Redis Cluster of three masters', { timeout: 60_000 }, () => {
  let dir: string;
  let cluster: RedisCluster;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'atesto-cluster-'));
    const opened = await openRedisCluster(dir);
    if (!opened) throw new Error('no Redis');
    cluster = opened;
  }, 60_000);
  afterAll(async () => {
    await cluster?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('is asked, master by master, whether it evicts', async () => {
    const backend = redisUrl.parse(cluster.url);
    expect(await evictionOf(backend)).toBeUndefined();
    const [, , last] = cluster.masters;
    await last?.command('config', 'set', 'maxmemory-policy', 'allkeys-lfu');
    expect(await evictionOf(backend)).toBe('allkeys-lfu');
    await last?.command('config', 'set', 'maxmemory-policy', 'noeviction');
  });

  it('holds each queue in one place, and the queues in several', async () => {
    const accounts = ['north', 'south', 'east', 'west', 'centre'].map((name) => ({ name }));
    const names = queuesOf(accounts);
    const errors: Error[] = [];
    const backend = redisUrl.parse(cluster.url);
    const queues = openQueues(backend, names, (error) => errors.push(error));
    expect(await queues.isReachable()).toBe(true);
    const moment = (account: string | undefined) => ({
      id: randomUUID(),
      kind: account === undefined ? ('spid.enroll' as const) : ('idcloud.process' as const),
      account,
      state: 'accepted' as const,
      version: 0,
      attempt: 0,
    });
    const wanted = [undefined, ...accounts.map(({ name }) => name)].flatMap((account) =>
      Array.from({ length: 5 }, () => moment(account)),
    );
    await Promise.all(wanted.map((one) => queues.enqueue(one)));
    const keys = await Promise.all(
      cluster.masters.map(async (master) => (await master.command('keys', '*')) as string[]),
    );
    const queueOn = keys.map((found) => names.filter((name) => found.some((key) => key.startsWith(prefixOf(name)))));
    expect(queueOn.flat().toSorted()).toEqual(names.toSorted());
    expect(queueOn.filter((found) => found.length > 0).length).toBeGreaterThanOrEqual(2);

    const handled: string[] = [];
    const consumers = names.map((queue) =>
      consume(backend, { queue, concurrency: 3, onError: (error) => errors.push(error) }, async (_name, { id }) => {
        handled.push(id);
      }),
    );
    await waitFor(() => handled.length >= wanted.length, { what: 'every job' });
    await Promise.all(consumers.map((consumer) => consumer.close()));
    expect(handled.toSorted()).toEqual(wanted.map(({ id }) => id).toSorted());
    await queues.close();
    expect(errors).toEqual([]);
  });

  it('schedules for two gateways and two workers: each transaction is concluded once', async () => {
    const house: FaultHouse = await openFaultHouse({ env: { REDIS_URL: cluster.url } });
    try {
      await house.startWorkers('workers-2');
      const doors = [house, { ...house, gateway: await house.startGateway('gateway-2') }];
      const next = enrolmentsOf('cluster');
      const sent: Enrolment[] = Array.from({ length: 60 }, next);
      const answers = await Promise.all(sent.map((one, at) => deliver(doors[at % 2] ?? house, one)));
      expect(answers.filter(({ acknowledged }) => !acknowledged)).toEqual([]);
      await untilAllSettled(house.db);
      await expectEachOnce(house.db, house.platform, sent);
      expect(house.gateway.process.output()).not.toContain('enqueue-failed');
    } finally {
      await house.close();
    }
  });
});

describe('Redis over TLS, with a password', { timeout: 60_000 }, () => {
  let dir: string;
  let guard: Guard;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'atesto-redis-tls-'));
    guard = { certificate: await makeCertificate(path.join(dir, 'certificate')), password: 'of-the-servers' };
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it.each([
    ['a Cluster', openRedisCluster],
    ['Sentinels', openRedisSentinels],
  ])('is %s: each transaction is concluded once', async (what, open) => {
    const redis = await open(path.join(dir, what), guard);
    if (!redis) throw new Error('no Redis');
    onTestFinished(() => redis.stop());
    expect(redis.url).toMatch(/^rediss\+/);
    const env = {
      REDIS_URL: redis.url,
      REDIS_SENTINEL_PASSWORD: guard.password,
      NODE_EXTRA_CA_CERTS: guard.certificate.certificate,
    };
    const house = await openFaultHouse({ env });
    onTestFinished(() => house.close());
    const next = enrolmentsOf(`tls ${what}`);
    const sent: Enrolment[] = Array.from({ length: 20 }, next);
    const answers = await Promise.all(sent.map((one) => deliver(house, one)));
    expect(answers.filter(({ acknowledged }) => !acknowledged)).toEqual([]);
    await untilAllSettled(house.db);
    await expectEachOnce(house.db, house.platform, sent);
    // It came by the queue, and not by the sweep that makes up for a queue that is away.
    expect(house.gateway.process.output()).not.toContain('enqueue-failed');
  });
});
