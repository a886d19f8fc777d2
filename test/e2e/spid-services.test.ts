import type { Bridge } from '@atesto/device-bridge/bridge';
import { encodePng } from '@atesto/device-bridge/imaging/png';
import { FakeReaders, ridges } from '@atesto/device-bridge/session/fake-readers.fixture';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { OPERATOR, SOMEBODY, startTestGateway } from '@atesto/gateway/gateway.fixture';
import { userTransactionRequest } from '@atesto/shared/contracts/spid-server';
import type { CaptureListItem, SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { readBiometric, toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../stack/call.ts';
import { waitFor } from '../stack/wait-for.ts';
import { startTestBridge } from './bridge.fixture.ts';
import { startTestWorkers } from './workers.fixture.ts';

let gateway: TestGateway;
let workers: ReturnType<typeof startTestWorkers>;
let bridge: Bridge;
const readers = new FakeReaders();

beforeAll(async () => {
  gateway = await startTestGateway();
  workers = startTestWorkers(gateway);
  const finger = readBiometric(toWireBiometric(6, Buffer.from(encodePng(ridges(1))), 500));
  if (typeof finger === 'string') throw new Error(finger);
  gateway.spid.state.seedOperator(OPERATOR, 'VERIFIED', [finger]);
  readers.plug();
  const plans = { enroll: [6, 7], verify: [6] } as const;
  bridge = await startTestBridge(gateway, { transport: readers, match: readers.match }, { plans });
});
afterAll(async () => {
  await bridge?.close();
  await workers?.close();
  await gateway?.close();
});

interface Answered {
  status: number;
  answer: SpidServicesAnswer;
}

async function ask(base: string, asked: string, json?: unknown, key?: string): Promise<Answered> {
  const options = { json, ...(key !== undefined && { headers: { authorization: `Bearer ${key}` } }) };
  const method = json === undefined ? 'GET' : 'POST';
  const { status, body } = await call(method, `${base}/gbs-spid-services/api/${asked}`, options);
  return { status, answer: JSON.parse(body.toString()) };
}
/** At the station itself. */
const here = async (asked: string, json?: unknown) => (await ask(bridge.url, asked, json)).answer;
/** Through the gateway. */
const there = async (asked: string, json?: unknown) =>
  (await ask(`${gateway.url}/stations/${gateway.station.id}`, asked, json, gateway.system.key)).answer;
const until = (status: string) =>
  waitFor(
    async () => {
      const answer = await there('capture/status');
      return answer.status === status ? answer : undefined;
    },
    { what: status, timeoutMs: 30_000 },
  );

describe('SPID Services from afar', () => {
  it('enrolls somebody who lacks a finger, and finds the transaction again', async () => {
    expect(await there(`login/${OPERATOR}`)).toEqual({ status: 'OPERATOR_OK' });
    const query = new URLSearchParams({ missing: '7:AMPUTATED', 'missingReason.7': 'acidente' });
    expect(await there(`enroll/${SOMEBODY}?${query}`)).toEqual({ status: 'CLIENT_CAPTURING' });
    await until('CLIENT_CAPTURE_DONE');
    await there('capture/operator');
    expect(await until('OPERATOR_CAPTURE_DONE')).toMatchObject({ operatorVerification: 'verified' });
    const { status, tguid = '' } = await there('capture/send');
    expect(status).toBe('CAPTURE_ENQUEUED');
    const done = await waitFor(
      async () => {
        const answer = await there(`capture/result/key/${SOMEBODY}`);
        return answer.status === 'ENROLL_PENDING' ? undefined : answer;
      },
      { what: 'the enrolment', timeoutMs: 30_000 },
    );
    expect(done).toEqual({ status: 'ENROLL_OK', tguid });
    expect(await here(`capture/result/${tguid}`)).toEqual(done);
    const list = (await there('capture/list')) as unknown as CaptureListItem[];
    expect(list).toMatchObject([{ tguid, kind: 'enroll', status: 'ENROLL_OK' }]);
    // Nothing failed: nothing is sent again.
    expect(await there(`capture/resend/${tguid}`)).toEqual({ status: 'CAPTURE_ENQUEUED', tguid });
    const [sent, ...more] = gateway.spid.received.of('enroll');
    expect(more).toEqual([]);
    expect(userTransactionRequest.parse(sent?.body).data).toMatchObject({
      biometrics: [{ index: 6 }, { index: 5 }],
      missingBiometrics: [{ index: 7, type: 'AMPUTATED', reason: 'acidente' }],
    });
  });

  it('asks for a remote verification with the operator’s finger, and for its result', async () => {
    const body = { clientID: SOMEBODY, operatorID: OPERATOR, clientEmail: 'pessoa@example.com' };
    expect(await there('remote/verify', body)).toMatchObject({ status: 'ERROR' });
    await there('capture/operator');
    await until('OPERATOR_CAPTURE_DONE');
    const { status, url, tguid } = await there('remote/verify', body);
    expect([status, url]).toEqual(['OK', expect.stringMatching(/^https?:/)]);
    expect(await there(`remote/verify/${tguid}`)).toEqual({ status: 'SEARCH_PENDING', tguid });
    expect(await here('remote/enroll', body)).toMatchObject({ status: 'ERROR' });
  });

  it('holds one capture at a time, whoever asks and from where (A19)', async () => {
    readers.manner = 'wait';
    const asked = Array.from({ length: 8 }, (_, n) =>
      (n % 2 ? here : there)(`${n % 4 < 2 ? 'enroll' : 'verify'}/${SOMEBODY}`),
    );
    const words = (await Promise.all(asked)).map(({ status }) => status);
    expect(words.sort()).toEqual(['CLIENT_CAPTURING', ...Array(7).fill('ERROR')]);
    expect(await here('capture/cancel')).toEqual({ status: 'OK' });
    expect(await there('capture/status')).toMatchObject({ status: 'CLIENT_CAPTURE_CANCELLED' });
    readers.manner = 'finger';
    expect(await there('logout')).toEqual({ status: 'OK' });
    expect(await here('capture/status')).toMatchObject({ status: 'ERROR' });
    expect(gateway.logged()).not.toContain(SOMEBODY);
  });
});
