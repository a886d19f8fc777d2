import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../stack/ports.ts';
import { type Postgres, startPostgres } from '../stack/postgres.ts';
import { waitFor } from '../stack/wait-for.ts';
import { type Answer, deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { followEvents } from './event-stream.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { untilAllSettled } from './settling.fixture.ts';

const CLIENTS = 8;

describe('a ledger that crashes under the running house', { timeout: 60_000 }, () => {
  let dataDir: string;
  let port: number;
  let postgres: Postgres;
  let house: FaultHouse;
  const next = enrolmentsOf('ledger');
  const sent: Enrolment[] = [];
  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'atesto-ledger-'));
    // The server may run under an account of its own.
    await chmod(dataDir, 0o755);
    port = await freePort();
    postgres = await startPostgres({ dataDir, port });
    house = await openFaultHouse({
      makeDatabase: () => postgres.createDatabase(),
      // A claim whose commit was made and whose answer was lost with the connection ends with its lease.
      env: { SPID_SERVER_SUBMIT_TIMEOUT_MS: '3000', IDCLOUD_SUBMIT_TIMEOUT_MS: '3000', LEASE_MS: '5000' },
    });
  });
  afterAll(async () => {
    await house?.close();
    await postgres?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('makes the gateway say so, loses nothing that was acknowledged, and is found again by itself', async () => {
    const acknowledged: Enrolment[] = [];
    const failed: Enrolment[] = [];
    const refusals: Answer[] = [];
    const goals = { crash: 20, whileAway: 16, after: 20 };
    const back = Promise.withResolvers<void>();
    let stop = false;
    const client = async () => {
      while (!stop) {
        const enrolment = next();
        const answer = await deliver(house, enrolment);
        (answer.acknowledged ? acknowledged : failed).push(enrolment);
        if (answer.acknowledged) continue;
        refusals.push(answer);
        if (refusals.length >= goals.whileAway) await back.promise;
      }
    };
    const clients = Promise.all(Array.from({ length: CLIENTS }, client));
    await waitFor(() => acknowledged.length >= goals.crash, { what: 'acknowledged enrolments' });
    await crash();
    await waitFor(() => refusals.length >= goals.whileAway, { what: 'answers without a ledger' });
    expect((await fetch(`${house.gateway.url}/readyz`)).status).toBe(503);
    const before = acknowledged.length;
    await restart();
    back.resolve();
    await waitFor(() => acknowledged.length >= before + goals.after, { what: 'acknowledged enrolments after it' });
    stop = true;
    await clients;
    expect((await fetch(`${house.gateway.url}/readyz`)).status).toBe(200);

    for (const { status, type } of refusals) {
      expect(status).toBeGreaterThanOrEqual(500);
      expect(type).toContain('application/problem+json');
    }
    for (const answer of await Promise.all(failed.map((enrolment) => deliver(house, enrolment)))) {
      expect(answer).toMatchObject({ acknowledged: true });
    }
    sent.push(...acknowledged, ...failed);
    await untilAllSettled(house.db);
    await expectEachOnce(house.db, house.platform, sent);
  });

  it('keeps nobody waiting for good: held answers and event streams go on', async () => {
    const { platform, db } = house;
    // The platform takes it and gives no word yet.
    await platform.misbehave({ operation: 'getEnrollResult', fault: { type: 'status', status: 503 } });
    const enrolment = next();
    sent.push(enrolment);
    const held = deliver(house, enrolment, 30);
    await waitFor(async () => (await getTransaction(db, enrolment.id))?.state === 'awaiting', { what: 'its state' });
    const stream = await followEvents(house, enrolment.id);
    const types = () => stream.events().map(({ type }) => type);
    await waitFor(() => types().includes('taken'), { what: 'the history in the stream' });

    await crash();
    await restart();
    await platform.behave();
    expect(JSON.parse((await held).text ?? '')).toMatchObject({ id: enrolment.id, state: 'concluded' });
    await waitFor(() => types().includes('concluded'), { what: 'the end in the stream' });
    expect(types()).toEqual(['accepted', 'claimed', 'taken', 'concluded']);
    stream.close();
    await untilAllSettled(db);
    await expectEachOnce(db, platform, sent);
  });

  /** As after a power cut: no connection is told, and the next start replays the log. */
  async function crash(): Promise<void> {
    process.kill(postgres.pid as number, 'SIGQUIT');
    await postgres.stop();
  }

  async function restart(): Promise<void> {
    postgres = await startPostgres({ dataDir, port });
  }
});
