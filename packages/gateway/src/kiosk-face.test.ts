import { randomBytes, randomUUID } from 'node:crypto';
import type { FaceAnswer, FaceFailure, GatewayMessage } from '@atesto/shared/contracts/bridge-link';
import type { TransactionView } from '@atesto/shared/contracts/gateway';
import type { IdcloudAccount, IdcloudKey } from '@atesto/shared/contracts/idcloud-accounts';
import { createProcessRequest, IDCLOUD_MAX_IMAGE_BYTES } from '@atesto/shared/contracts/idcloud-client';
import { getCaptures, listTransactionCaptures } from '@atesto/shared/ledger/captures';
import { type IssuedKey, issueEnrolment, issueSystemKey, redeemEnrolment } from '@atesto/shared/ledger/credentials';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/stack/wait-for.ts';
import type { TestGateway } from './gateway.fixture.ts';
import {
  enrolment,
  idcloudAccount,
  pictureOf,
  post,
  postedBody,
  problemOf,
  put,
  SOMEBODY,
  startTestGateway,
  upload,
} from './gateway.fixture.ts';

let gateway: TestGateway;
let otherStation: IssuedKey;
let otherSystem: IssuedKey;
const key = (name: string, fields: Partial<IdcloudKey> = {}): IdcloudKey => ({
  name,
  apiKey: name,
  capabilities: ['liveness', 'identity'],
  edition: 'D',
  sdkOnly: false,
  ...fields,
});
const bank: IdcloudAccount = {
  ...idcloudAccount,
  name: 'bank',
  keys: [
    key('default'),
    key('sdk', { sdkOnly: true }),
    key('validation', { capabilities: ['liveness', 'validation'] }),
    key('documents', { capabilities: ['documents'] }),
    key('edition-b', { edition: 'B' }),
  ],
};
beforeAll(async () => {
  gateway = await startTestGateway({}, { idcloudAccounts: [bank] });
  const { db } = gateway.context;
  otherStation = (await redeemEnrolment(db, (await issueEnrolment(db, 'branch 13')).code)) as IssuedKey;
  otherSystem = await issueSystemKey(db, 'another system');
});
afterAll(() => gateway?.close());

const face = (marker = randomUUID()) => pictureOf(marker, 480, 640);
const asked = (where: object, fields: object = {}) => ({
  kind: 'idcloud.process',
  account: 'bank',
  key: 'default',
  subject: { cpf: SOMEBODY, name: 'Pessoa Virtual' },
  useCase: 'Onboarding',
  face: where,
  ...fields,
});
const send = (body: object, options: { key?: string; headers?: Record<string, string> } = {}) =>
  post(gateway, '/v1/transactions', body, { key: gateway.system.key, ...options });
const viewOf = async (response: Response) => (await response.json()) as TransactionView;

async function fieldsOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { fields?: unknown }).fields;
}

/** What will be posted. */
const bodyOf = async (id: string): Promise<unknown> => JSON.parse(await postedBody(gateway, id));

describe('a face that was uploaded before', () => {
  it('goes into the create call, once', async () => {
    const bytes = face();
    const capture = await upload(gateway, bytes, gateway.system.key);
    const body = asked({ capture });
    const headers = { 'idempotency-key': randomUUID() };
    const first = await send(body, { headers });
    expect(first.status).toBe(201);
    expect(first.headers.get('atesto-capture-advice')).toBeNull();
    const view = await viewOf(first);
    expect(view).toMatchObject({ kind: 'idcloud.process', state: 'accepted', operation: 'createProcess' });
    const row = await getTransaction(gateway.context.db, view.id);
    expect(row).toMatchObject({ account: 'bank', keyName: 'default', station: undefined });
    const posted = await bodyOf(view.id);
    expect(posted).toEqual({
      subject: { code: SOMEBODY, name: 'Pessoa Virtual' },
      useCase: 'Onboarding',
      imageBase64: bytes.toString('base64'),
    });
    expect(createProcessRequest.parse(posted)).toEqual(posted);
    const again = await send(body, { headers });
    expect([again.status, (await viewOf(again)).id]).toEqual([200, view.id]);
    expect(await problemOf(await send(body))).toBe('capture-spent');
    const other = await send(asked({ capture }, { useCase: 'Login' }), { headers });
    expect(await problemOf(other)).toBe('id-conflict');
    expect(gateway.logged()).not.toContain(SOMEBODY);
  });

  it('may be the named station’s, or the caller’s own; nobody else’s', async () => {
    const station = gateway.station.id;
    const capture = await upload(gateway, face(), gateway.station.key);
    expect(await problemOf(await send(asked({ capture })))).toBe('unknown-capture');
    const elsewhere = { capture, station: otherStation.id };
    expect(await problemOf(await send(asked(elsewhere)))).toBe('unknown-capture');
    expect((await send(asked({ capture, station }))).status).toBe(201);
    const own = await upload(gateway, face(), gateway.system.key);
    expect(await problemOf(await send(asked({ capture: own }), { key: otherSystem.key }))).toBe('unknown-capture');
    const ofStation = await upload(gateway, face(), gateway.station.key);
    const sent = await viewOf(await send(asked({ capture: ofStation }), { key: gateway.station.key }));
    expect(sent).toMatchObject({ state: 'accepted', station });
  });

  it.each([
    ['too small', () => pictureOf('small', 639, 480), '20807'],
    ['cut off', () => face().subarray(0, -6), '20900'],
    ['followed by something', () => Buffer.concat([face(), Buffer.from('<script>')]), '20900'],
    ['too large', () => pictureOf(randomBytes(IDCLOUD_MAX_IMAGE_BYTES / 2).toString('hex'), 480, 640), '20506'],
  ])('is refused as IDCloud would refuse it: %s', async (_what, bytes, code) => {
    const capture = await upload(gateway, bytes(), gateway.system.key);
    const refused = await send(asked({ capture }));
    expect(refused.status).toBe(422);
    expect(await fieldsOf(refused)).toEqual([{ path: '/face', problem: `IDCloud’s code ${code}` }]);
    // The caller's picture stays the caller's.
    expect(await getCaptures(gateway.context.db, [capture])).toHaveLength(1);
  });
});

describe('a request that can be refused before anybody is photographed', () => {
  const nowhere = { capture: randomUUID() };
  const account = undefined;
  it.each<[problem: string, body: () => object, at?: string]>([
    ['invalid-cpf', () => asked(nowhere, { subject: { cpf: '12345678900' } }), '/subject/cpf'],
    ['unknown-capture', () => asked(nowhere)],
    ['unknown-key', () => asked(nowhere, { key: 'no such key' }), '/key'],
    ['unknown-key', () => asked(nowhere, { account: 'no-such-account' }), '/key'],
    // There are two.
    ['unknown-key', () => asked(nowhere, { account }), '/account'],
    ['unfit-request', () => asked(nowhere, { key: 'sdk' }), '/key'],
    ['unfit-request', () => asked(nowhere, { key: 'validation' }), '/key'],
    ['unfit-request', () => asked(nowhere, { key: 'documents' }), '/key'],
    ['unfit-request', () => asked(nowhere, { key: 'edition-b', subject: { cpf: SOMEBODY } }), '/subject/name'],
    // The station of another installation.
    ['unknown-station', () => asked({ station: randomUUID() })],
    ['unknown-station', () => asked({ ...nowhere, station: gateway.system.id })],
    ['invalid-request', () => asked({})],
    ['invalid-request', () => asked({ station: 'kiosk' })],
    ['invalid-request', () => asked({ ...nowhere, image: 'aGVsbG8=' })],
    ['invalid-request', () => asked(nowhere, { subject: { cpf: SOMEBODY, name: 'two\nlines' } })],
    ['invalid-request', () => asked(nowhere, { kind: 'idcloud.selfie' })],
  ])('%s (%#)', async (problem, body, at) => {
    const refused = await send(body());
    expect(refused.status).toBeGreaterThanOrEqual(400);
    const text = await refused.text();
    expect(text).toContain(`problems/${problem}"`);
    if (at !== undefined) expect(text).toContain(`"path":"${at}"`);
    expect(text).not.toContain('12345678900');
  });

  it('unknown-station, where a station names another one', async () => {
    const refused = await send(asked({ station: otherStation.id }), { key: gateway.station.key });
    expect(await problemOf(refused)).toBe('unknown-station');
  });

  it('needs no account where there is only one', async () => {
    const { idcloudAccounts } = gateway.context;
    Object.assign(gateway.context, { idcloudAccounts: [bank] });
    try {
      expect(await problemOf(await send(asked(nowhere, { account })))).toBe('unknown-capture');
    } finally {
      Object.assign(gateway.context, { idcloudAccounts });
    }
  });
});

describe('a face that is taken now', () => {
  let received: GatewayMessage[] = [];
  let hangUp: () => void = () => undefined;
  afterEach(() => {
    hangUp();
    received = [];
  });

  const device = { model: 'Test camera' };
  const measures = { brightness: 0.5, contrast: 0.4, sharpness: 0.01 };
  const taken: FaceAnswer = { outcome: 'taken', device, measures };

  /** A station on the line. `respond` gives the answer to a face that is asked for; nothing where it does not answer. */
  function station(respond: (capture: string) => Promise<FaceAnswer | undefined>, camera?: string | null): void {
    const line = gateway.context.stations.attach(gateway.station.id, {
      close: () => undefined,
      send(message) {
        received.push(message);
        if (message.type !== 'capture-face') return;
        void respond(message.capture).then((answer) => {
          if (answer) line.receive({ type: 'face', id: message.id, answer });
        });
      },
    });
    hangUp = line.detach;
    if (camera === null) return;
    line.receive({ type: 'hello', version: '1', devices: [], camera: camera ?? 'Test camera' });
  }
  const uploads =
    (bytes = face(), answer = taken) =>
    async (capture: string) => {
      expect((await put(gateway, capture, bytes)).status).toBe(201);
      return answer;
    };
  const here = () => asked({ station: gateway.station.id });
  const capturesAskedFor = () =>
    received.flatMap((message) => (message.type === 'capture-face' ? [message.capture] : []));

  it('is accepted with the station’s picture, device and advice', async () => {
    const bytes = face();
    station(uploads(bytes));
    const response = await send(here());
    expect(response.status).toBe(201);
    const advice = 'size=low, brightness=ok, contrast=ok, sharpness=low';
    expect(response.headers.get('atesto-capture-advice')).toBe(advice);
    const { id, station: from } = await viewOf(response);
    expect(from).toBe(gateway.station.id);
    expect(await bodyOf(id)).toMatchObject({ imageBase64: bytes.toString('base64') });
    expect(await listTransactionCaptures(gateway.context.db, id)).toMatchObject([
      { role: 'payload', index: 10, device },
    ]);
  });

  it('says so where it could not be measured', async () => {
    station(uploads(face(), { outcome: 'taken', device }));
    const advice = 'size=unmeasured, brightness=unmeasured, contrast=unmeasured, sharpness=unmeasured';
    expect((await send(here())).headers.get('atesto-capture-advice')).toBe(advice);
  });

  it('is taken once for an Idempotency-Key, also for one that comes while it is taken', async () => {
    const open = Promise.withResolvers<void>();
    station(async (capture) => {
      await open.promise;
      return uploads()(capture);
    });
    const headers = { 'idempotency-key': randomUUID() };
    const both = [send(here(), { headers }), send(here(), { headers })];
    await waitFor(() => received.length > 0, { what: 'the question' });
    open.resolve();
    const answers = await Promise.all(both);
    const third = await send(here(), { headers });
    expect([...answers.map(({ status }) => status).sort(), third.status]).toEqual([200, 201, 200]);
    expect(new Set((await Promise.all([...answers, third].map(viewOf))).map(({ id }) => id)).size).toBe(1);
    expect(third.headers.get('atesto-capture-advice')).toBeNull();
    expect(received.map(({ type }) => type)).toEqual(['capture-face']);
  });

  it('may be asked for again under the same key where none was accepted', async () => {
    const answers: FaceAnswer[] = [{ outcome: 'failed', why: 'busy' }];
    station(async (capture) => answers.pop() ?? uploads()(capture));
    const headers = { 'idempotency-key': randomUUID() };
    expect(await problemOf(await send(here(), { headers }))).toBe('station-busy');
    expect((await send(here(), { headers })).status).toBe(201);
  });

  const failures: [why: FaceFailure, problem: string, status: number][] = [
    ['no-camera', 'station-cannot', 409],
    ['busy', 'station-busy', 409],
    ['timeout', 'station-timeout', 504],
    ['device-lost', 'face-failed', 502],
    ['device-fault', 'face-failed', 502],
    ['cancelled', 'face-failed', 502],
    ['not-uploaded', 'face-failed', 502],
  ];
  it.each(failures)('fails by name: %s is %s', async (why, problem, status) => {
    station(async () => ({ outcome: 'failed', why }));
    const response = await send(here());
    expect(response.status).toBe(status);
    const text = await response.text();
    expect(text).toContain(`problems/${problem}"`);
    expect(JSON.parse(text).fields).toEqual([{ path: '/face/station', problem: why }]);
  });

  it('fails where the station is away, is just connecting, hangs up, or says what is not so', async () => {
    expect(await problemOf(await send(here()))).toBe('station-away');
    station(async () => taken, null);
    expect(await problemOf(await send(here()))).toBe('station-away');
    expect(received).toEqual([]);
    hangUp();
    station(async () => {
      hangUp();
      return undefined;
    });
    expect(await problemOf(await send(here()))).toBe('station-away');
    station(async () => taken);
    expect(await problemOf(await send(here()))).toBe('face-failed');
  });

  it('is not asked of a bridge that names no camera: an older one would hang up', async () => {
    const line = gateway.context.stations.attach(gateway.station.id, {
      close: () => undefined,
      send: (message) => received.push(message),
    });
    hangUp = line.detach;
    line.receive({ type: 'hello', version: '0.1.0', devices: [] });
    expect(await problemOf(await send(here()))).toBe('station-cannot');
    expect(received).toEqual([]);
  });

  it('is refused where IDCloud would refuse it, and a better one is taken under the same key', async () => {
    const pictures = [face(), pictureOf('small', 320, 240)];
    station(async (capture) => uploads(pictures.pop())(capture));
    const headers = { 'idempotency-key': randomUUID() };
    expect(await problemOf(await send(here(), { headers }))).toBe('unfit-request');
    expect((await send(here(), { headers })).status).toBe(201);
    // Of the first one nothing is kept.
    const ids = capturesAskedFor();
    const kept = await getCaptures(gateway.context.db, ids);
    expect([ids.length, kept.map(({ id }) => id)]).toEqual([2, ids.slice(1)]);
  });

  it('is called off when the caller hangs up, and nothing is accepted', async () => {
    station(async () => undefined);
    const id = randomUUID();
    const caller = new AbortController();
    const gone = fetch(`${gateway.url}/v1/transactions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.system.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...here(), id }),
      signal: caller.signal,
    });
    await waitFor(() => received.length > 0, { what: 'the question' });
    caller.abort();
    await expect(gone).rejects.toThrow();
    await waitFor(() => received.length > 1, { what: 'the word that nobody waits' });
    expect(received[1]).toEqual({ type: 'cancel-face', id: received[0]?.id });
    expect(await getTransaction(gateway.context.db, id)).toBeUndefined();
  });
});

it('takes SPID transactions as before, and shows no result of theirs', async () => {
  const sent = await viewOf(await post(gateway, '/v1/transactions', await enrolment(gateway, 'as before')));
  expect([sent.kind, sent.result]).toEqual(['spid.enroll', undefined]);
});
