import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../stack/redis.ts';
import { findRedis } from '../stack/redis-source.ts';
import { deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { type MortalRedis, openMortalRedis } from './redis.fixture.ts';
import { untilAllSettled, untilState } from './settling.fixture.ts';

const EACH = 8;

/** How a backend is set up, and how it loses all it has. */
interface Backend {
  open(dir: string): Promise<Record<string, string>>;
  wipe(house: FaultHouse): Promise<void>;
  /** Ends the server hard, and starts it again, empty. */
  kill?(): Promise<void>;
  start?(): Promise<void>;
  close(): Promise<void>;
}

describe.each<{ name: string; backend: () => Backend }>([
  { name: 'in PostgreSQL', backend: postgresBackend },
  { name: 'in Redis', backend: redisBackend },
])('a queue $name that loses everything', { timeout: 60_000 }, ({ name, backend: make }) => {
  const backend = make();
  const next = enrolmentsOf(`queue ${name}`);
  const sent: Enrolment[] = [];
  let dir: string;
  let house: FaultHouse;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'atesto-queue-'));
    const env = await backend.open(dir);
    house = await openFaultHouse({ enrollDelayMs: 2_500, env });
  });
  afterAll(async () => {
    await house?.close();
    await backend.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('is filled again from the ledger, whatever transactions waited for', async () => {
    const { db, platform } = house;
    await accept(EACH);
    await untilState(db, 'awaiting', EACH);
    await platform.down();
    await accept(EACH);
    await untilState(db, 'retrying', EACH);
    await house.workers.stop();
    await accept(EACH);
    await untilState(db, 'accepted', EACH);

    await backend.wipe(house);
    await platform.up();
    await house.startWorkers('workers-2');
    await untilAllSettled(db);
    await expectEachOnce(db, platform, sent);
  });

  it('is filled again while workers work and clients deliver', async () => {
    const { db, platform } = house;
    for (let round = 1; round <= 4; round++) {
      await Promise.all([accept(EACH), backend.wipe(house)]);
      await backend.wipe(house);
    }
    await untilAllSettled(db);
    await expectEachOnce(db, platform, sent);
  });

  // PostgreSQL's queue is gone only when the ledger is, which `ledger-restarts` tests.
  const { kill, start } = backend;
  if (kill && start) {
    it('may be gone altogether: the gateway accepts, and the work goes on when it is back', async () => {
      await accept(EACH);
      await kill();
      await accept(EACH);
      await start();
      await untilAllSettled(house.db);
      await expectEachOnce(house.db, house.platform, sent);
    });
  }

  async function accept(count: number): Promise<void> {
    const enrolments = Array.from({ length: count }, next);
    sent.push(...enrolments);
    const answers = await Promise.all(enrolments.map((enrolment) => deliver(house, enrolment)));
    expect(answers.filter(({ acknowledged }) => !acknowledged)).toEqual([]);
  }
});

function postgresBackend(): Backend {
  return {
    open: async () => ({}),
    wipe: async ({ db }) => void (await db.query('truncate bullmq.job cascade')),
    close: async () => undefined,
  };
}

function redisBackend(): Backend {
  let redis: MortalRedis | undefined;
  const opened = () => {
    if (!redis) throw new Error('no Redis');
    return redis;
  };
  return {
    async open(dir) {
      // Installs the program where there is none.
      if (!findRedis()) await (await startRedis()).stop();
      redis = await openMortalRedis(dir);
      return { REDIS_URL: opened().url };
    },
    wipe: () => opened().flush(),
    kill: () => opened().kill(),
    start: () => opened().start(),
    close: async () => redis?.stop(),
  };
}
