import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bridge, BridgeParts } from '@atesto/device-bridge/bridge';
import type { Camera, FacePicture } from '@atesto/device-bridge/camera/camera';
import { fileCamera } from '@atesto/device-bridge/camera/file-camera';
import { FakeReaders } from '@atesto/device-bridge/session/fake-readers.fixture';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { OPERATOR, SOMEBODY, startTestGateway } from '@atesto/gateway/gateway.fixture';
import type { TransactionView } from '@atesto/shared/contracts/gateway';
import type { IdcloudAccount } from '@atesto/shared/contracts/idcloud-accounts';
import { createProcessRequest } from '@atesto/shared/contracts/idcloud-client';
import { createIdcloudAccounts, type IdcloudAccounts } from '@atesto/shared/upstreams/idcloud-accounts';
import { testCpfs } from '@atesto/simulators/idcloud/outcomes';
import { createIdcloudSimulator, type IdcloudSimulator } from '@atesto/simulators/idcloud/simulator';
import { person } from '@atesto/simulators/people/person';
import { encode } from 'fast-png';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { call } from '../stack/call.ts';
import { waitFor } from '../stack/wait-for.ts';
import { startTestBridge } from './bridge.fixture.ts';
import { startTestWorkers } from './workers.fixture.ts';

const ACCOUNT = 'kiosk';
const tenantId = '0f5a5a4e-7a4e-4f5a-9d0e-3f6f1f7a1c11';
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** A virtual person before the camera, small enough for IDCloud. */
function portrait(seed: string): Uint8Array {
  const { width, height, pixels } = person(seed).face();
  // Without the camera's grain, which no PNG holds in 800 KB.
  const data = pixels.map((value) => value & 0xf8);
  return encode({ width, height, data, channels: 3, depth: 8 });
}
const faces = [portrait('somebody at the kiosk'), portrait('somebody else at the kiosk')];

let home: string;
let simulator: IdcloudSimulator;
let upstreams: IdcloudAccounts;
let gateway: TestGateway;
let workers: ReturnType<typeof startTestWorkers>;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'atesto-e2e-'));
  const { publicKey } = rsa;
  simulator = createIdcloudSimulator({
    account: 'atesto',
    tenantId,
    publicKey,
    apiKeys: ['the-key'],
    otherwise: 'yes',
  });
  const clientUrl = await simulator.listen();
  const account: IdcloudAccount = {
    name: ACCOUNT,
    clientUrl,
    unicoUrl: undefined,
    signUrl: undefined,
    token: { tokenUrl: simulator.tokenUrl, account: 'atesto', tenantId, privateKey: rsa.privateKey },
    keys: [{ name: 'branch', apiKey: 'the-key', capabilities: ['liveness', 'identity'], edition: 'D', sdkOnly: false }],
    webhook: undefined,
    requestsPerSecond: 10,
  };
  const accounts = [account];
  const timeouts = { connectMs: 5_000, submitMs: 30_000, readMs: 5_000 };
  upstreams = createIdcloudAccounts(accounts, { connections: 4, timeouts });
  gateway = await startTestGateway({}, { idcloudAccounts: accounts });
  workers = startTestWorkers(gateway, { idcloud: { accounts, upstreams } });
});
afterAll(async () => {
  await workers?.close();
  await gateway?.close();
  await upstreams?.close();
  await simulator?.close();
  await rm(home, { recursive: true });
});

let bridge: Bridge | undefined;
let folder: string;
const readers = new FakeReaders();
readers.plug();
beforeEach(async () => {
  folder = path.join(home, randomUUID());
  await mkdir(folder);
  for (const [n, face] of faces.entries()) await writeFile(path.join(folder, `${n}.png`), face);
});
afterEach(async () => {
  await bridge?.close();
  bridge = undefined;
  await waitFor(() => !gateway.context.stations.isConnected(gateway.station.id), { what: 'the end of the line' });
});

/** A station with this camera; the virtual one by default. */
async function station(parts: Partial<BridgeParts> = {}): Promise<Bridge> {
  const given = { transport: readers, match: readers.match, camera: fileCamera(folder), ...parts };
  const started = await startTestBridge(gateway, given);
  bridge = started;
  return started;
}

interface Answered {
  status: number;
  advice: string | null;
  body: TransactionView & { type?: string };
}

async function send(cpf: string, fields: object = {}, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(`${gateway.url}/v1/transactions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.system.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      kind: 'idcloud.process',
      account: ACCOUNT,
      key: 'branch',
      subject: { cpf, name: 'Pessoa Virtual' },
      useCase: 'Onboarding',
      face: { station: gateway.station.id },
      ...fields,
    }),
  });
  const body = JSON.parse(await response.text());
  return { status: response.status, advice: response.headers.get('atesto-capture-advice'), body };
}
const problemOf = ({ body }: Answered) => body.type?.replace('https://atesto.dev/problems/', '');
/** A station says what it has in its first message: until then it counts as away. */
const whenHeard = (ask: () => Promise<Answered>) =>
  waitFor(
    async () => {
      const answered = await ask();
      return problemOf(answered) === 'station-away' ? undefined : answered;
    },
    { what: 'the hello' },
  );
const pictureSentTo = (at: number) =>
  createProcessRequest.parse(simulator.received.of('createProcess')[at]?.body).imageBase64;

describe('a face from the kiosk', () => {
  it('is judged while the caller waits', async () => {
    const before = simulator.received.count('createProcess');
    await station();
    const { status, advice, body } = await whenHeard(() => send(testCpfs.yes, {}, { prefer: 'wait=20' }));
    expect(status).toBe(201);
    expect(body).toMatchObject({ state: 'concluded', verdict: 'completed', station: gateway.station.id });
    expect(body.result).toMatchObject({ status: 3, unicoId: { result: 'yes' } });
    expect(advice).toBe('size=low, brightness=ok, contrast=ok, sharpness=ok');
    expect(simulator.received.count('createProcess')).toBe(before + 1);
    expect(pictureSentTo(before)).toBe(Buffer.from(faces[0] ?? []).toString('base64'));
  });

  it('is taken once for one Idempotency-Key, and anew for another', async () => {
    const before = simulator.processes.all().length;
    await station();
    const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=20' };
    const both = await Promise.all([0, 1].map(() => whenHeard(() => send(testCpfs.no, {}, headers))));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
    expect(both.map(({ body }) => body.result)).toEqual(Array(2).fill(both[0]?.body.result));
    expect(both[0]?.body.result).toMatchObject({ unicoId: { result: 'no' } });
    expect(simulator.processes.all()).toHaveLength(before + 1);
    await send(testCpfs.no, {}, { prefer: 'wait=20' });
    const sent = simulator.received.count('createProcess');
    expect(new Set([pictureSentTo(sent - 2), pictureSentTo(sent - 1)]).size).toBe(2);
  });

  it('has no camera', async () => {
    await station({ camera: undefined });
    expect(problemOf(await whenHeard(() => send(SOMEBODY)))).toBe('station-cannot');
  });

  it('waits for a reader that is at work, and a reader for it', async () => {
    const held = Promise.withResolvers<FacePicture>();
    const shutter = Promise.withResolvers<void>();
    const camera: Camera = {
      name: 'Slow camera',
      takeFace() {
        shutter.resolve();
        return held.promise;
      },
    };
    const { url } = await station({ camera });
    const here = async (asked: string) =>
      JSON.parse((await call('GET', `${url}/gbs-spid-services/api/${asked}`)).body.toString());
    expect(await here(`login/${OPERATOR}`)).toEqual({ status: 'OPERATOR_OK' });
    readers.manner = 'wait';
    expect(await here(`enroll/${SOMEBODY}`)).toEqual({ status: 'CLIENT_CAPTURING' });
    expect(problemOf(await whenHeard(() => send(SOMEBODY)))).toBe('station-busy');
    await here('capture/cancel');
    const face = waitFor(
      async () => {
        const answered = await send(SOMEBODY);
        return problemOf(answered) === 'station-busy' ? undefined : answered;
      },
      { what: 'the reader’s end' },
    );
    await shutter.promise;
    expect(await here(`enroll/${SOMEBODY}`)).toMatchObject({
      status: 'ERROR',
      message: expect.stringMatching(/camera/),
    });
    expect(problemOf(await send(SOMEBODY))).toBe('station-busy');
    held.resolve({ bytes: faces[0] ?? Buffer.alloc(0), type: 'image/png', width: 640, height: 800 });
    expect(await face).toMatchObject({ status: 201, advice: expect.stringContaining('sharpness=unmeasured') });
  });

  it('is not taken where the camera fails, the station is away, or is another installation’s', async () => {
    expect(problemOf(await send(SOMEBODY))).toBe('station-away');
    expect(problemOf(await send(SOMEBODY, { face: { station: randomUUID() } }))).toBe('unknown-station');
    await station({ camera: fileCamera(path.join(folder, 'gone')) });
    expect(problemOf(await whenHeard(() => send(SOMEBODY)))).toBe('face-failed');
  });

  it('leaves no trace of the person in a log', () => {
    for (const cpf of [SOMEBODY, testCpfs.yes, testCpfs.no]) expect(gateway.logged()).not.toContain(cpf);
  });
});
