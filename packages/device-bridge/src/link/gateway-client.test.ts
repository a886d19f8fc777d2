import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePng } from '../imaging/png.ts';
import { ridges } from '../session/fake-readers.fixture.ts';
import { FakeGateway, json, problem, STATION_KEY } from './fake-gateway.fixture.ts';
import { GatewayClient, isAway } from './gateway-client.ts';

let gateway: FakeGateway;
let client: GatewayClient;

beforeEach(async () => {
  gateway = await new FakeGateway().start();
  client = new GatewayClient({ url: gateway.url, key: STATION_KEY, answerTimeoutMs: 400, connectTimeoutMs: 400 });
});
afterEach(async () => {
  await client.close();
  await gateway.stop();
});

function transaction(capture: string) {
  return {
    id: randomUUID(),
    kind: 'spid.enroll' as const,
    subject: { cpf: '52998224725' },
    operator: { cpf: '11144477735', verification: 'verified' as const },
    capturedAt: 1,
    biometrics: [{ index: 6, capture }],
    missingBiometrics: [],
  };
}

describe('gateway client', () => {
  it('uploads a capture with its digest, twice the same', async () => {
    const png = encodePng(ridges(1));
    const id = randomUUID();
    const sha256 = createHash('sha256').update(png).digest('hex');
    for (let times = 0; times < 2; times++)
      expect(await client.putCapture(id, png)).toEqual({
        kind: 'ok',
        value: { id, sha256, bytes: png.length, width: 64, height: 64 },
      });
    expect(gateway.seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${STATION_KEY}`,
      'content-type': 'image/png',
      'content-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
      'content-length': String(png.length),
    });
    expect(await client.putCapture(id, encodePng(ridges(2)))).toEqual({
      kind: 'refused',
      status: 409,
      type: 'id-conflict',
    });
  });

  it('posts a transaction, with and without a wait, and finds it again', async () => {
    const capture = randomUUID();
    await client.putCapture(capture, encodePng(ridges(1)));
    const body = transaction(capture);
    expect(await client.postTransaction(body)).toMatchObject({ kind: 'ok', value: { id: body.id, state: 'accepted' } });
    expect(gateway.seen.at(-1)?.headers.prefer).toBeUndefined();
    expect(await client.postTransaction(body, 20)).toMatchObject({ kind: 'ok', value: { id: body.id } });
    expect(gateway.seen.at(-1)?.headers.prefer).toBe('wait=20');
    expect(await client.getTransaction(body.id)).toMatchObject({ kind: 'ok', value: { id: body.id } });
    expect(await client.getTransaction(randomUUID())).toMatchObject({
      kind: 'refused',
      status: 404,
      type: 'not-found',
    });
    const report = await client.getReport(body.id);
    expect(report.kind === 'ok' && Buffer.from(report.value).toString()).toContain('%PDF-');
  });

  it('asks with the CPF in the body, never in the URL', async () => {
    gateway.operators.set('11144477735', 'VERIFIED');
    gateway.people.add('52998224725');
    gateway.resendable = 3;
    expect(await client.lookupOperator('11144477735')).toEqual({ kind: 'ok', value: { status: 'VERIFIED' } });
    expect(await client.lookupOperator('52998224725')).toEqual({ kind: 'ok', value: { status: null } });
    expect(await client.lookupPerson('52998224725')).toEqual({ kind: 'ok', value: { registered: true } });
    expect(await client.resend()).toEqual({ kind: 'ok', value: { count: 3 } });
    expect(gateway.seen.map(({ path }) => path).join()).not.toMatch(/\d{11}/);
  });

  it.each([
    [400, 'refused'],
    [401, 'refused'],
    [404, 'refused'],
    [409, 'refused'],
    [422, 'refused'],
    [301, 'refused'],
    [408, 'unavailable'],
    [425, 'unavailable'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [502, 'unavailable'],
    [503, 'unavailable'],
  ])('%i is %s', async (status, kind) => {
    gateway.behaviours.push((_seen, response) => Boolean(problem(response, status, 'some-code')));
    expect(await client.lookupPerson('52998224725')).toMatchObject({ kind, status });
  });

  it('takes nothing for an answer that is none', async () => {
    gateway.behaviours.push((_seen, response) => Boolean(json(response, 200, { registered: 'yes' })));
    expect(await client.lookupPerson('52998224725')).toEqual({ kind: 'unavailable', reason: 'malformed' });
    gateway.behaviours.push((_seen, response) => Boolean(response.writeHead(200).end('<html>')));
    expect(await client.lookupPerson('52998224725')).toEqual({ kind: 'unavailable', reason: 'malformed' });
    expect(await client.getReport(randomUUID())).toEqual({ kind: 'unavailable', reason: 'malformed' });
    gateway.behaviours.push((_seen, response) => {
      response.writeHead(200, { 'content-length': 500 }).write('{"re');
      response.socket?.destroy();
      return true;
    });
    expect(await client.lookupPerson('52998224725')).toEqual({ kind: 'unavailable', reason: 'broken' });
  });

  it('finds, resends and asks for remote captures; a CPF stands in bodies only', async () => {
    expect(await client.latestTransaction('52998224725')).toEqual({ kind: 'ok', value: { transaction: null } });
    const capture = randomUUID();
    await client.putCapture(capture, encodePng(ridges(1)));
    const { id } = transaction(capture);
    await client.postTransaction({ ...transaction(capture), id });
    expect(await client.latestTransaction('52998224725')).toMatchObject({ value: { transaction: { id } } });
    expect(await client.findTransactions([id, randomUUID()])).toMatchObject({ value: { transactions: [{ id }] } });
    expect(await client.resendOne(id, 2)).toMatchObject({ kind: 'ok', value: { id } });
    expect(gateway.seen.at(-1)?.headers).toMatchObject({ prefer: 'wait=2' });
    expect(await client.resendOne(randomUUID())).toEqual({ kind: 'refused', status: 404, type: 'not-found' });
    const person = { subject: { cpf: '52998224725' }, operator: { cpf: '11144477735' }, email: 'a@example.com' };
    const asked = await client.requestRemoteCapture({ kind: 'enroll', ...person });
    const remote = asked.kind === 'ok' ? asked.value.id : '';
    expect(await client.getTransaction(remote)).toMatchObject({ value: { id: remote, kind: 'spid.remote-enroll' } });
    for (const { path } of gateway.seen) expect(path).not.toContain('52998224725');
  });

  it('does not show free text of a problem', async () => {
    gateway.behaviours.push((_seen, response) =>
      Boolean(json(response, 422, { type: 'https://x/problems/CPF 529.982.247-25' })),
    );
    expect(await client.lookupPerson('52998224725')).toEqual({ kind: 'refused', status: 422 });
  });

  it('gives up on a gateway that is silent, and on one that is not there', async () => {
    gateway.behaviours.push(() => true);
    const silent = await client.lookupPerson('52998224725');
    expect(silent).toEqual({ kind: 'unavailable', reason: 'timeout' });
    expect(isAway(silent)).toBe(true);
    await gateway.stop();
    const gone = await client.lookupPerson('52998224725');
    expect(gone.kind === 'unavailable' && isAway(gone)).toBe(true);
  });

  it('gives up on one that accepts and never answers TLS', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const other = new GatewayClient({ url: `https://127.0.0.1:${port}`, key: 'k', connectTimeoutMs: 200 });
    expect(await other.lookupPerson('52998224725')).toMatchObject({ kind: 'unavailable', reason: 'connect' });
    await other.close();
    mute.close();
  });

  it('close ends what is under way', async () => {
    gateway.behaviours.push(() => true);
    const asked = client.lookupPerson('52998224725');
    await client.close();
    expect(await asked).toMatchObject({ kind: 'unavailable' });
  });
});
