import type { FingerIndex } from '@atesto/simulators/people/pattern';
import { person, type VirtualPerson } from '@atesto/simulators/people/person';
import { encodePng, toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Station } from '../stack/house.ts';
import { Integrator } from '../stack/integrator.ts';
import { waitFor } from '../stack/wait-for.ts';
import { expectReplays } from './evidence.fixture.ts';
import { type FaultHouse, openFaultHouse } from './fault-house.fixture.ts';

const FINGER: FingerIndex = 6;
const operator = person('operator Rita');
const [unsent, pending, known] = [person('client Noa'), person('client Yara'), person('client Ivo')];

describe('a station that is killed', { timeout: 60_000 }, () => {
  let house: FaultHouse;
  let station: Station;
  let desk: Integrator;
  beforeAll(async () => {
    house = await openFaultHouse({
      env: { SPID_SERVER_SUBMIT_TIMEOUT_MS: '3000', IDCLOUD_SUBMIT_TIMEOUT_MS: '3000', LEASE_MS: '4000' },
    });
    await house.platform.registerOperator(operator.cpf, biometricsOf(operator));
    await house.platform.registerPerson(known.cpf, biometricsOf(known));
    const { code } = await house.api<{ code: string }>(house.administrator, 'POST', '/v1/stations/enrolments', {
      name: 'branch 7',
    });
    await start(code);
  });
  afterAll(() => house?.close());
  beforeEach(() => house.platform.behave());

  it('takes up a complete capture that nobody had sent', async () => {
    expect((await desk.enroll(unsent.cpf)).status).toBe('CLIENT_CAPTURING');
    await capture(unsent, 1);
    await kill();
    await start();
    expect((await desk.call('capture/status')).status).toBe('OPERATOR_CAPTURE_DONE');
    const { status, tguid = '' } = await desk.send();
    expect(status).toBe('CAPTURE_ENQUEUED');
    await expectOnce(unsent, tguid, 'ENROLL_OK');
  });

  it('delivers what waited in its outbox', async () => {
    expect((await desk.enroll(pending.cpf)).status).toBe('CLIENT_CAPTURING');
    await capture(pending, 2);
    house.gateway.process.kill('SIGKILL');
    const { status, tguid = '' } = await desk.send();
    expect(status).toBe('ERROR');
    await kill();
    await house.restartGateway();
    await start();
    await expectOnce(pending, tguid, 'ENROLL_OK');
  });

  it('delivers once what the gateway had already accepted when the station died', async () => {
    expect((await desk.verify(known.cpf)).status).toBe('CLIENT_CAPTURING');
    await capture(known, 3);
    const { tguid = '' } = await desk.call('capture/status');
    const asked = (await house.platform.received('verify')).length;
    await house.platform.misbehave({
      operation: 'verify',
      fault: { type: 'latency', ms: 600_000, when: 'after' },
      times: 1,
    });
    // The gateway holds its answer until the platform has judged.
    const answer = desk.send().catch(() => 'no answer');
    await waitFor(async () => (await house.platform.received('verify')).length > asked, { what: 'the verification' });
    await kill();
    expect(await answer).toBe('no answer');
    await start();
    await expectOnce(known, tguid, 'SEARCH_MATCH');
  });

  async function start(code?: string): Promise<void> {
    const plan = {
      CAPTURE_PLAN_ENROLL: `${FINGER}`,
      CAPTURE_PLAN_VERIFY: `${FINGER}`,
      CAPTURE_PLAN_OPERATOR: `${FINGER}`,
    };
    station = await house.startStation({ name: 'branch-7', env: plan, ...(code === undefined ? {} : { code }) });
    desk = new Integrator(station);
    expect((await desk.login(operator.cpf)).status).toBe('OPERATOR_OK');
  }

  async function kill(): Promise<void> {
    station.process.kill('SIGKILL');
    await station.process.exited;
  }

  /** Client's finger, operator's finger: READY_TO_SEND. */
  async function capture(client: VirtualPerson, impression: number): Promise<void> {
    expect((await desk.giveFingers(client.seed, impression)).status).toBe('CLIENT_CAPTURE_DONE');
    expect((await desk.operatorCapture()).status).toBe('OPERATOR_CAPTURING');
    const { status, operatorVerification } = await desk.giveFingers(operator.seed, impression);
    expect([status, operatorVerification]).toEqual(['OPERATOR_CAPTURE_DONE', 'verified']);
  }

  async function expectOnce({ cpf }: VirtualPerson, tguid: string, word: string): Promise<void> {
    expect((await desk.resultUntil(tguid, [word, 'ERROR'], 20_000)).status).toBe(word);
    const held = (await house.platform.transactions()).filter(({ subject }) => subject === cpf);
    expect(held).toHaveLength(1);
    expect(await expectReplays(house.db, tguid)).toMatchObject({ state: 'concluded', upstreamId: held[0]?.tguid });
  }
});

function biometricsOf(somebody: VirtualPerson): object[] {
  return [toWireBiometric(FINGER, encodePng(somebody.impression(FINGER, 0)), 500)];
}
