import { randomUUID } from 'node:crypto';
import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildGateway } from './app.ts';
import type { TestGateway } from './gateway.fixture.ts';
import { enrolment, OPERATOR, post, problemOf, SOMEBODY, startTestGateway } from './gateway.fixture.ts';
import { pdfAttachment, pdfBytes, pdfPages } from './report/read-pdf.fixture.ts';
import type { ReportFacts } from './report/report-facts.ts';
import { submissionOf } from './spid-server-face.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

const device = { model: 'DigitalPersona U.are.U 4500', usb: '05ba:000a', serial: '{A-1}' };
const quality = { coverage: 0.8, contrast: 0.5, orientation: 0.9 };
const missing = { index: 2, type: 'AMPUTATED', reason: 'acidente, 2019' };

/** A station's enrolment of somebody with one finger, and all that a bridge says of it. */
async function accepted(): Promise<string> {
  const request = await enrolment(gateway, 'reported');
  const [finger] = request.biometrics;
  const response = await post(gateway, '/v1/transactions', {
    ...request,
    biometrics: [{ ...finger, device, quality }],
    missingBiometrics: [missing],
  });
  expect(response.status).toBe(201);
  return request.id;
}

async function happen(id: string, ...events: TransactionEvent[]): Promise<void> {
  for (const event of events) {
    const row = await getTransaction(gateway.context.db, id);
    expect(row && (await applyEvent(gateway.context.db, row, event))).toBeDefined();
  }
}

const get = (id: string, query = '', key = gateway.station.key) =>
  fetch(`${gateway.url}/v1/transactions/${id}/report${query}`, { headers: { authorization: `Bearer ${key}` } });
const pdfOf = async (id: string, key?: string) => Buffer.from(await (await get(id, '', key)).arrayBuffer());

/** What somebody reads off the page. */
function sealOn(pdf: Buffer): { transaction: string; hash: string; code: string } {
  const text = pdfPages(pdf).join('\n');
  const found = (pattern: RegExp) => pattern.exec(text)?.[1] as string;
  return {
    transaction: found(/\nTransação\n([0-9a-f-]{36})\n/),
    hash: found(/\n([0-9a-f]{64})\n/),
    code: found(/\n((?:[0-9a-f]{4}-){7}[0-9a-f]{4})(?:\n|$)/),
  };
}
const verify = async (body: unknown, key = gateway.station.key) =>
  (await post(gateway, '/v1/reports/verify', body, { key })).json();

describe('GET /v1/transactions/{id}/report', () => {
  it('is ours, with what the station said of the capture', async () => {
    const id = await accepted();
    const response = await get(id);
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('content-disposition'),
    ]).toEqual([200, 'application/pdf', `inline; filename="atesto-${id}.pdf"`]);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const pdf = Buffer.from(await response.arrayBuffer());
    const facts = JSON.parse(pdfAttachment(pdf).toString()) as ReportFacts;
    expect(facts).toMatchObject({
      id,
      state: 'accepted',
      subject: { cpf: '***.982.247-**' },
      operator: { cpf: '***.456.789-**', verification: 'verified' },
      sender: { kind: 'station', id: gateway.station.id, name: 'branch 12' },
      captures: [{ role: 'payload', index: 6, width: 1, height: 1, device, quality }],
      missing: [missing],
      events: [{ seq: 0, type: 'accepted' }],
    });
    expect(pdfPages(pdf).join('\n')).toContain('PROVISÓRIO');
    for (const cpf of [SOMEBODY, OPERATOR]) {
      expect(pdfBytes(pdf)).not.toContain(cpf);
      expect(gateway.logged()).not.toContain(cpf);
    }
    expect(gateway.logged()).not.toContain('acidente');
  });

  it('is there for one that a caller sent without saying more', async () => {
    const request = await enrolment(gateway, 'bare');
    await post(gateway, '/v1/transactions', request);
    const facts = JSON.parse(pdfAttachment(await pdfOf(request.id)).toString()) as ReportFacts;
    expect(facts.captures).toMatchObject([{ index: 6 }]);
    expect(facts.captures[0]).not.toHaveProperty('device');
    expect(facts.missing).toEqual([]);
  });

  it('follows the transaction until it is over', async () => {
    const id = await accepted();
    await happen(id, { type: 'claimed' }, { type: 'lost', reason: 'connection-lost' });
    expect(pdfPages(await pdfOf(id)).join('\n')).toContain('connection-lost');
    const outcome = { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } as const;
    await happen(id, { type: 'concluded', outcome });
    const text = pdfPages(await pdfOf(id)).join('\n');
    for (const said of ['FINAL', 'Cadastro aceito', 'ENROLL_OK']) expect(text).toContain(said);
  });

  it('is nobody’s who did not send the transaction', async () => {
    const id = await accepted();
    expect(await problemOf(await get(id, '', gateway.system.key))).toBe('not-found');
    expect((await get(id, '', gateway.administrator.key)).status).toBe(200);
    expect(await problemOf(await get(randomUUID()))).toBe('not-found');
    expect(await problemOf(await get(id, '?source=elsewhere'))).toBe('invalid-request');
  });

  it('is the upstream’s own where that is asked for', async () => {
    const id = await accepted();
    expect(await problemOf(await get(id, '?source=upstream'))).toBe('no-report-yet');
    await happen(id, { type: 'claimed' });
    await happen(id, { type: 'taken', upstreamId: randomUUID(), upstreamStatus: 'ENROLL_PENDING' });
    expect(await problemOf(await get(id, '?source=upstream'))).toBe('no-report-yet');
    gateway.spid.behaviours.down = 'unavailable';
    expect(await problemOf(await get(id, '?source=upstream'))).toBe('upstream-unavailable');
    // Ours needs nobody else.
    expect((await get(id)).status).toBe(200);
    gateway.spid.behaviours.down = undefined;
  });

  it('passes the upstream’s own on as it is', async () => {
    const taken = await gateway.context.spid.call('enroll', { body: submissionOf('upstream').json });
    const upstreamId = taken.kind === 'done' ? taken.value?.id : undefined;
    const id = await accepted();
    await happen(id, { type: 'claimed' });
    await happen(id, { type: 'taken', upstreamId: upstreamId as string, upstreamStatus: 'ENROLL_PENDING' });
    const response = await get(id, '?source=upstream');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/pdf']);
    const pages = pdfPages(Buffer.from(await response.arrayBuffer()));
    expect(pages.join('\n')).toContain('SPID Server (simulator)');
  });
});

describe('what a station says of a capture', () => {
  it.each<[string, Record<string, unknown>]>([
    ['a quality beyond one', { quality: { ...quality, contrast: 1.5 } }],
    ['half a quality', { quality: { coverage: 1 } }],
    ['a device without a model', { device: { usb: '05ba:000a' } }],
    ['a model of two lines', { device: { model: 'a\nb' } }],
    ['an id that is none of USB', { device: { ...device, usb: 'x' } }],
  ])('is refused: %s', async (_what, facts) => {
    const request = await enrolment(gateway, 'refused');
    const [finger] = request.biometrics;
    const response = await post(gateway, '/v1/transactions', { ...request, biometrics: [{ ...finger, ...facts }] });
    expect(await problemOf(response)).toBe('invalid-request');
  });

  it('does not make another request of the same one', async () => {
    const request = await enrolment(gateway, 'repeated');
    expect((await post(gateway, '/v1/transactions', request)).status).toBe(201);
    const [finger] = request.biometrics;
    const again = { ...request, biometrics: [{ ...finger, device }] };
    expect((await post(gateway, '/v1/transactions', again)).status).toBe(200);
  });
});

describe('POST /v1/reports/verify', () => {
  it('knows our report, and whether it still holds', async () => {
    const id = await accepted();
    const seal = sealOn(await pdfOf(id));
    expect(seal.transaction).toBe(id);
    expect(await verify(seal)).toEqual({ genuine: true, current: true });
    expect(await verify(seal, gateway.administrator.key)).toEqual({ genuine: true, current: true });
    await happen(id, { type: 'claimed' });
    expect(await verify(seal)).toEqual({ genuine: true, current: false });
  });

  it('tells others only that it is genuine', async () => {
    expect(await verify(sealOn(await pdfOf(await accepted())), gateway.system.key)).toEqual({ genuine: true });
  });

  it('does not know what was changed', async () => {
    const seal = sealOn(await pdfOf(await accepted()));
    const other = sealOn(await pdfOf(await accepted()));
    for (const changes of [{ hash: other.hash }, { code: other.code }, { transaction: other.transaction }])
      expect(await verify({ ...seal, ...changes })).toEqual({ genuine: false });
  });

  it('does not know what another installation issued', async () => {
    const seal = sealOn(await pdfOf(await accepted()));
    const keyRing = createKeyRing([{ id: 'k1', key: generateKey() }], generateKey());
    const other = await buildGateway({ ...gateway.context, keyRing });
    const response = await other.inject({
      method: 'POST',
      url: '/v1/reports/verify',
      headers: { authorization: `Bearer ${gateway.station.key}` },
      payload: seal,
    });
    expect(response.json()).toEqual({ genuine: false });
  });

  it.each([
    ['no hash', { transaction: randomUUID(), code: 'x' }],
    ['a hash of another length', { transaction: randomUUID(), hash: 'ab', code: 'x' }],
    ['an id that is none', { transaction: 'x', hash: 'a'.repeat(64), code: 'x' }],
  ])('refuses %s', async (_what, body) =>
    expect(await problemOf(await post(gateway, '/v1/reports/verify', body))).toBe('invalid-request'),
  );
});
