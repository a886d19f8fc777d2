import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import { deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { openRedisSentinels, type RedisSentinels } from './redis-sentinel.fixture.ts';
import { untilAllSettled } from './settling.fixture.ts';

let dir: string;
let sentinels: RedisSentinels;
let house: FaultHouse;
const sent: Enrolment[] = [];
const next = enrolmentsOf('sentinel');

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'atesto-sentinel-'));
  const opened = await openRedisSentinels(dir);
  if (!opened) throw new Error('no Redis');
  sentinels = opened;
  house = await openFaultHouse({ env: { REDIS_URL: sentinels.url } });
  await house.startWorkers('workers-2');
}, 60_000);
afterAll(async () => {
  await house?.close();
  await sentinels?.stop();
  await rm(dir, { recursive: true, force: true });
});

async function accept(count: number): Promise<void> {
  const enrolments = Array.from({ length: count }, next);
  sent.push(...enrolments);
  const answers = await Promise.all(enrolments.map((one) => deliver(house, one)));
  expect(answers.filter(({ acknowledged }) => !acknowledged)).toEqual([]);
}

it('goes on with the replica that Sentinels put in the place of a killed master', { timeout: 60_000 }, async () => {
  const [master, replica] = sentinels.servers;
  await accept(20);
  expect(await sentinels.master()).toBe(master.port);
  await master.kill();
  await accept(20);
  await waitFor(async () => (await sentinels.master()) === replica.port, { what: 'a failover' });
  await accept(20);
  await untilAllSettled(house.db);
  await expectEachOnce(house.db, house.platform, sent);
});
