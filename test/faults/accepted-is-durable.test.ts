import { json } from 'node:stream/consumers';
import { getTransaction, type TransactionRow } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyOf, deliver, type Enrolment, enrolmentsOf } from './enrolments.fixture.ts';
import { expectEachOnce } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';
import { untilAllSettled } from './settling.fixture.ts';

const ROUNDS = 3;
const CLIENTS = 12;
const ACKNOWLEDGED_PER_ROUND = 20;

describe('accepted is durable', { timeout: 60_000 }, () => {
  let house: FaultHouse;
  beforeAll(async () => {
    house = await openFaultHouse();
  });
  afterAll(() => house?.close());

  it('keeps and concludes once what it acknowledged before each of several kills', async () => {
    const next = enrolmentsOf('durable');
    const acknowledged: Enrolment[] = [];
    const unanswered: Enrolment[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      await deliverUntilKilled(next, round * ACKNOWLEDGED_PER_ROUND, { acknowledged, unanswered });
      await house.restartGateway();
    }
    // The kills met clients at work, each in another place.
    expect(unanswered.length).toBeGreaterThanOrEqual(ROUNDS);

    for (const enrolment of acknowledged) {
      const row = await getTransaction(house.db, enrolment.id);
      expect(row?.wrappedKey, 'acknowledged and not in the ledger').toBeDefined();
      const { payload: record, wrappedKey = new Uint8Array(), payloadBytes: bytes } = row as TransactionRow;
      expect(await json(house.vault.open({ record, wrappedKey, bytes }))).toEqual(bodyOf(enrolment));
    }

    // Who got no answer asks again under the same ids, whatever had come of it.
    for (const answer of await Promise.all(unanswered.map((enrolment) => deliver(house, enrolment)))) {
      expect(answer).toMatchObject({ acknowledged: true });
    }
    await untilAllSettled(house.db);
    await expectEachOnce(house.db, house.platform, [...acknowledged, ...unanswered]);
  });

  /** Clients deliver in parallel, and the gateway is killed the moment that so many have been acknowledged. */
  async function deliverUntilKilled(
    next: () => Enrolment,
    goal: number,
    { acknowledged, unanswered }: { acknowledged: Enrolment[]; unanswered: Enrolment[] },
  ): Promise<void> {
    let killed = false;
    const client = async () => {
      while (!killed) {
        const enrolment = next();
        const answer = await deliver(house, enrolment);
        (answer.acknowledged ? acknowledged : unanswered).push(enrolment);
        if (killed || acknowledged.length < goal) continue;
        killed = true;
        house.gateway.process.kill('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }
});
