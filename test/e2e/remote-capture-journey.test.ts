import type { Bridge } from '@atesto/device-bridge/bridge';
import { encodePng } from '@atesto/device-bridge/imaging/png';
import { FakeReaders, ridges } from '@atesto/device-bridge/session/fake-readers.fixture';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { OPERATOR, SOMEBODY, startTestGateway } from '@atesto/gateway/gateway.fixture';
import type { SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import { toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portrait } from '../contract/spid-house.ts';
import { openApplicant } from '../stack/applicant.ts';
import { call } from '../stack/call.ts';
import { waitFor } from '../stack/wait-for.ts';
import { startTestBridge } from './bridge.fixture.ts';
import { useChromium } from './chromium.fixture.ts';
import { startTestWorkers } from './workers.fixture.ts';

/** Table 6.4 from the operator's finger to the result, through every part: reader, bridge, relay, gateway, worker, server, browser. */

const LINK_LASTS_MS = 60_000;
let clock = Date.now();
let gateway: TestGateway;
let workers: ReturnType<typeof startTestWorkers>;
let bridge: Bridge;
const chromium = useChromium();
const readers = new FakeReaders();

beforeAll(async () => {
  gateway = await startTestGateway({
    operators: [{ cpf: OPERATOR, biometrics: [toWireBiometric(6, Buffer.from(encodePng(ridges(1))), 500)] }],
    people: [{ cpf: SOMEBODY, biometrics: [toWireBiometric(FACE_INDEX, Buffer.from(portrait('bia'), 'base64'), 300)] }],
    remoteNotifies: false,
    remoteTtlMs: LINK_LASTS_MS,
    now: () => clock,
    searchDelayMs: 0,
  });
  workers = startTestWorkers(gateway);
  readers.plug();
  const plans = { enroll: [6], verify: [6] } as const;
  bridge = await startTestBridge(gateway, { transport: readers, match: readers.match }, { plans });
  expect(await relayed(`login/${OPERATOR}`)).toEqual({ status: 'OPERATOR_OK' });
});
afterAll(async () => {
  await bridge?.close();
  await workers?.close();
  await gateway?.close();
});

const headers = () => ({ authorization: `Bearer ${gateway.system.key}` });
/** SPID Services of the station, through the gateway. */
async function relayed(asked: string, json?: unknown): Promise<SpidServicesAnswer> {
  const url = `${gateway.url}/stations/${gateway.station.id}/gbs-spid-services/api/${asked}`;
  const { body } = await call(json === undefined ? 'GET' : 'POST', url, { json, headers: headers() });
  return JSON.parse(body.toString());
}
/** SPID Server, as the registration authority's program sees it. */
async function server(method: 'GET' | 'POST', asked: string, json?: unknown) {
  const { status, body } = await call(method, `${gateway.url}/gbs-spid-server/${asked}`, { json, headers: headers() });
  return { status, json: body.length > 0 ? JSON.parse(body.toString()) : undefined };
}

/** Rows 1 to 3: the operator gives a finger and gets a link. */
async function ask(): Promise<{ tguid: string; url: string }> {
  expect(await relayed('capture/operator')).toEqual({ status: 'OPERATOR_CAPTURING' });
  await waitFor(async () => (await relayed('capture/status')).status === 'OPERATOR_CAPTURE_DONE', {
    what: 'the operator',
  });
  const asked = { clientID: SOMEBODY, operatorID: OPERATOR, clientEmail: 'pessoa@example.com' };
  const answer = await relayed('remote/verify', asked);
  expect(answer).toEqual({ status: 'OK', tguid: expect.any(String), url: expect.stringMatching(/^http:/) });
  return { tguid: answer.tguid ?? '', url: answer.url ?? '' };
}
const word = async (tguid: string) => (await relayed(`remote/verify/${tguid}`)).status;
const ends = (tguid: string, wanted: string) =>
  waitFor(async () => (await word(tguid)) === wanted, { what: wanted, timeoutMs: 20_000 });

describe('a person verified on their own device', () => {
  it.each([
    ['bia', true, 'SEARCH_MATCH'],
    ['caio', true, 'SEARCH_NOT_MATCH'],
    ['bia', false, 'SEARCH_FAILED'],
  ])('%s, approved: %s → %s', async (seed, approval, outcome) => {
    const { tguid, url } = await ask();
    expect(await word(tguid)).toBe('SEARCH_PENDING');
    const applicant = await openApplicant(chromium(), url);
    await applicant.sendFace(seed);
    expect(applicant.faults).toEqual([]);
    await applicant.close();

    // Row 5: nothing can be reviewed before the external service has told of it.
    expect((await server('GET', `remote-capture/biometrics/${tguid}`)).status).toBe(404);
    expect((await server('POST', 'remote-capture/notification', { guid: tguid })).status).toBe(200);
    const seen = await server('GET', `remote-capture/biometrics/${tguid}`);
    expect(seen).toMatchObject({ status: 200, json: { index: FACE_INDEX, width: 640, height: 800 } });
    expect((await server('POST', `remote-capture/finish/${tguid}`, { approval })).status).toBe(200);
    await ends(tguid, outcome);
    expect(gateway.logged()).not.toContain(new URL(url).pathname);
  });

  it('row 9: a link that nobody used expires', async () => {
    const { tguid, url } = await ask();
    clock += LINK_LASTS_MS;
    const applicant = await openApplicant(chromium(), url);
    await applicant.sees('Este link expirou');
    await applicant.close();
    await ends(tguid, 'SEARCH_FAILED');
  });
});
