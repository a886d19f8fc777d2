import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '../../stack/wait-for.ts';
import { openMortalRedis } from '../redis.fixture.ts';
import { BOTH, type Scenario } from '../scenario.ts';
import type { Scene } from '../scene.ts';
import { queueAway, untilAllSettled } from '../settling.fixture.ts';

export const queueScenarios: readonly Scenario[] = [
  {
    name: 'redis-killed',
    proves:
      'Redis killed with -9 under load and back with its append-only file: the gateway accepts meanwhile and says that the queue is away.',
    backends: ['redis'],
    volume: { acknowledged: 40, met: 20 },
    async run(scene) {
      const { house, load, met } = scene;
      const redis = redisOf(scene);
      const clients = load(6);
      await clients.more(20);
      await redis.kill();
      const over = await scene.shown('queue away', () => queueAway(house.gateway.url));
      const away = clients.acknowledged();
      await clients.more(20, 'enrolments accepted without the queue');
      met(clients.acknowledged() - away);
      await redis.start();
      await over();
      await clients.stop();
    },
  },
  {
    name: 'queue-wiped',
    proves: 'A queue that is emptied again and again under load is filled from the ledger.',
    backends: BOTH,
    volume: { acknowledged: 40, met: 5 },
    async run({ house, redis, load, met }) {
      // Slow enough that some stand in line whenever it is emptied.
      await house.platform.misbehave({ operation: 'enroll', fault: { type: 'latency', ms: 500 } });
      const clients = load(6);
      for (let round = 0; round < 5; round++) {
        await clients.more(8);
        await (redis ? redis.flush() : house.db.query('truncate bullmq.job cascade'));
        met();
      }
      await house.platform.behave();
      await clients.stop();
    },
  },
  {
    name: 'redis-stale-replica',
    proves:
      'A replica that stopped following is made the master: what it never heard of is found in the ledger, what it still believes to be due is not sent again.',
    backends: ['redis'],
    volume: { acknowledged: 60, met: 20 },
    async run(scene) {
      const { house, load, met } = scene;
      const redis = redisOf(scene);
      const dir = await mkdtemp(path.join(tmpdir(), 'atesto-faults-replica-'));
      const replica = await openMortalRedis(dir);
      assert.ok(replica);
      try {
        const clients = load(6);
        await clients.more(10);
        await replica.command('replicaof', '127.0.0.1', String(redis.port));
        await waitFor(
          async () => String(await replica.command('info', 'replication')).includes('master_link_status:up'),
          {
            what: 'a replica that follows',
          },
        );
        await clients.more(20, 'load that is replicated');
        await replica.command('replicaof', 'no', 'one');
        const behind = clients.acknowledged();
        await clients.more(20, 'load that the replica never hears of');
        await redis.kill();
        redis.line.retarget(replica.port);
        met(clients.acknowledged() - behind);
        await clients.more(10, 'load on the new master');
        await clients.stop();
        await untilAllSettled(house.db);
        // The queue's dump is read from the first one.
        await redis.start();
      } finally {
        redis.line.retarget(redis.port);
        await replica.stop();
        await rm(dir, { recursive: true, force: true });
      }
    },
  },
  {
    name: 'redis-torn-log',
    proves:
      'An append-only file whose end is torn off: Redis starts with what is whole, and the ledger makes up for the rest.',
    backends: ['redis'],
    volume: { acknowledged: 40, met: 1 },
    async run(scene) {
      const { load, met } = scene;
      const redis = redisOf(scene);
      const clients = load(6);
      await clients.more(30);
      await redis.kill();
      const folder = path.join(redis.dir, 'appendonlydir');
      const name = (await readdir(folder)).find((one) => one.endsWith('.incr.aof'));
      assert.ok(name);
      const { size } = await stat(path.join(folder, name));
      await truncate(path.join(folder, name), Math.floor(size / 2) - 7);
      await redis.start();
      met();
      await clients.more(10, 'acknowledged enrolments after it');
      await clients.stop();
    },
  },
  {
    name: 'redis-full',
    proves:
      'Redis takes no more: the gateway still accepts, because the ledger has it, and all is sent when there is room again.',
    backends: ['redis'],
    volume: { acknowledged: 30, met: 1 },
    async run(scene) {
      const { house, deliver, met } = scene;
      const redis = redisOf(scene);
      await deliver(10);
      await redis.command('config', 'set', 'maxmemory', '1');
      const meanwhile = await deliver(20);
      assert.ok(
        meanwhile.every(({ acknowledged }) => acknowledged),
        'not all were accepted without the queue',
      );
      await waitFor(() => /enqueue-failed/.test(house.gateway.process.output()), { what: 'a refusal of Redis' });
      met();
      await redis.command('config', 'set', 'maxmemory', '0');
    },
  },
  {
    name: 'redis-evicting',
    proves:
      'Where Redis is set to evict keys, neither gateway nor workers start, and they say what to change; those that run go on. With the setting of before they start.',
    backends: ['redis'],
    volume: { acknowledged: 20, met: 4 },
    async run(scene) {
      const { house, deliver, met } = scene;
      const redis = redisOf(scene);
      await deliver(10);
      for (const policy of ['allkeys-lru', 'volatile-ttl']) {
        await redis.command('config', 'set', 'maxmemory-policy', policy);
        const complaint = new RegExp(`ended with 1 .*REDIS_URL: this Redis evicts keys .* \\(${policy}\\)`, 's');
        await assert.rejects(house.startWorkers(`workers-${policy}`), complaint);
        await assert.rejects(house.startGateway(`gateway-${policy}`), complaint);
        met(2);
      }
      await deliver(5);
      await redis.command('config', 'set', 'maxmemory-policy', 'noeviction');
      await house.startWorkers('workers-2');
      await house.restartGateway();
      await deliver(5);
    },
  },
  {
    name: 'scraped-in-outage',
    proves: 'While Redis is away a scrape is answered within a second, of the gateway and of the workers, and says so.',
    backends: ['redis'],
    volume: { acknowledged: 20, met: 10 },
    async run(scene) {
      const { house, deliver, met } = scene;
      const redis = redisOf(scene);
      await deliver(10);
      await redis.kill();
      const over = await scene.shown('queue away', () => queueAway(house.gateway.url));
      const workers = `http://127.0.0.1:${house.workers.record.port}`;
      for (let round = 0; round < 10; round++) {
        await scrape(house.gateway.url, house.key);
        const before = notCollected(await scrape(workers, house.key));
        assert.ok(notCollected(await scrape(workers, house.key)) > before, 'the workers say nothing of it');
        met();
      }
      const meanwhile = await deliver(10);
      assert.ok(
        meanwhile.every(({ acknowledged }) => acknowledged),
        'not all were accepted without the queue',
      );
      await redis.start();
      await over();
    },
  },
];

function redisOf({ redis }: Scene) {
  if (!redis) throw new Error('this scenario needs Redis');
  return redis;
}

/** What a service tells a monitor. */
async function scrape(service: string, key: string): Promise<string> {
  const started = performance.now();
  const scraped = await fetch(`${service}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  const text = await scraped.text();
  assert.equal(scraped.status, 200);
  assert.ok(
    performance.now() - started < 1_000,
    `a scrape of ${service} took ${Math.round(performance.now() - started)} ms`,
  );
  return text;
}

/** How often the jobs in line could not be counted. */
function notCollected(text: string): number {
  return Number(/^atesto_metrics_collect_failures_total\{metric="atesto_queue_jobs"\} (\d+)$/m.exec(text)?.[1]);
}
