import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { enrolment, OPERATOR, post, problemOf, SOMEBODY, startTestGateway } from '@atesto/gateway/gateway.fixture';
import type { RemoteCaptureView, TransactionView } from '@atesto/shared/contracts/gateway';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import { readBiometric, toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portrait } from '../contract/spid-house.ts';
import { waitFor } from '../stack/wait-for.ts';
import { startTestWorkers } from './workers.fixture.ts';

let gateway: TestGateway;
let workers: ReturnType<typeof startTestWorkers>;
beforeAll(async () => {
  gateway = await startTestGateway();
  const face = readBiometric(toWireBiometric(FACE_INDEX, Buffer.from(portrait('bia'), 'base64'), 300));
  if (typeof face === 'string') throw new Error(face);
  gateway.spid.state.seedPerson(SOMEBODY, [face]);
  workers = startTestWorkers(gateway);
});
afterAll(async () => {
  await workers?.close();
  await gateway?.close();
});

let asks = 0;
const ask = async (kind: 'verify' | 'enroll') => {
  asks += 1;
  const body = { kind, subject: { cpf: SOMEBODY }, operator: { cpf: OPERATOR }, email: `p${asks}@example.com` };
  const response = await post(gateway, '/v1/remote-captures', body);
  expect(response.status).toBe(201);
  const { id, url = '' } = (await response.json()) as RemoteCaptureView;
  return { id, url, body };
};
const get = async (path: string) => {
  const response = await fetch(`${gateway.url}/v1/${path}`, {
    headers: { authorization: `Bearer ${gateway.station.key}` },
  });
  return response.status === 200 ? response.json() : response.status;
};
const view = async (id: string) => (await get(`transactions/${id}`)) as TransactionView;
const sendFace = (url: string) =>
  fetch(`${url}/face`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: portrait('bia', 1) }),
  });
const finish = (id: string, approval: boolean) => post(gateway, `/v1/remote-captures/${id}/finish`, { approval });
const concluded = (id: string) =>
  waitFor(async () => (await view(id)).state === 'concluded', { what: 'the conclusion', timeoutMs: 20_000 });

describe('a remote capture', () => {
  it('from the link to the match, each step known by our id', async () => {
    const { id, url, body } = await ask('verify');
    expect(await (await post(gateway, '/v1/remote-captures', body)).json()).toMatchObject({ id, url });
    expect(gateway.spid.received.of('createRemoteVerify')).toHaveLength(1);
    expect(await get(`remote-captures/${id}/biometrics`)).toBe(404);
    expect((await sendFace(url)).status).toBe(204);
    expect(await get(`remote-captures/${id}/biometrics`)).toMatchObject({
      biometrics: [{ index: 10, content: portrait('bia', 1) }],
    });
    expect((await finish(id, true)).status).toBe(200);
    expect((await finish(id, true)).status).toBe(200);
    expect(gateway.spid.received.of('finishRemoteCapture')).toHaveLength(1);
    await concluded(id);
    expect(await view(id)).toMatchObject({ verdict: 'match', upstreamStatus: 'SEARCH_MATCH' });
    // The link is closed.
    expect(await get(`remote-captures/${id}`)).toEqual({ id, status: 'SEARCH_MATCH' });
    const { rows } = await gateway.context.db.query('select * from transactions where id = $1', [id]);
    expect(JSON.stringify(rows)).not.toContain('/applicant/');
    expect(gateway.logged()).not.toContain('/applicant/');
  });

  it('refused by the registration authority', async () => {
    const { id, url } = await ask('enroll');
    await sendFace(url);
    expect((await finish(id, false)).status).toBe(200);
    await concluded(id);
    expect(await view(id)).toMatchObject({ verdict: 'rejected', upstreamStatus: 'ENROLL_REJECTED' });
  });

  it('that is finished before anything was captured is refused, as SPID Server does', async () => {
    const { id } = await ask('verify');
    expect(await problemOf(await finish(id, true))).toBe('upstream-refused');
    expect((await view(id)).state).toBe('awaiting');
  });

  it('of which the answer was lost is asked for again: the first link is nobody’s', async () => {
    gateway.spid.behaviours.add({ operation: 'createRemoteVerify', fault: { type: 'drop-after-accept' }, times: 1 });
    const before = gateway.spid.received.of('createRemoteVerify').length;
    const { id, url } = await ask('verify');
    expect(gateway.spid.received.of('createRemoteVerify')).toHaveLength(before + 2);
    expect((await sendFace(url)).status).toBe(204);
    expect((await view(id)).attempt).toBe(2);
  });
});

describe('an enrolment', () => {
  /** Enrolled at SPID Server with the word that its people give it. */
  const enrolled = async (marker: string, word: string) => {
    const request = await enrolment(gateway, marker);
    await post(gateway, '/v1/transactions', request);
    await waitFor(async () => (await view(request.id)).upstreamId !== undefined, { what: 'SPID Server to take it' });
    const { upstreamId = '' } = await view(request.id);
    gateway.spid.state.treat(upstreamId, word);
    await waitFor(async () => (await view(request.id)).upstreamStatus === word, { what: word, timeoutMs: 20_000 });
    return request.id;
  };

  it('that was rejected becomes a search, once, with an id of its own', async () => {
    const id = await enrolled('rejected', 'ENROLL_REJECTED');
    expect(await view(id)).toMatchObject({ state: 'concluded', verdict: 'rejected' });
    const redirect = async () =>
      (await (await post(gateway, `/v1/transactions/${id}/redirect`, {})).json()) as TransactionView;
    const search = await redirect();
    expect(search).toMatchObject({ kind: 'spid.redirect', origin: id, operation: 'redirectEnroll' });
    expect((await redirect()).id).toBe(search.id);
    expect(gateway.spid.received.of('redirectEnroll')).toHaveLength(1);
    await concluded(search.id);
    expect(await view(search.id)).toMatchObject({ upstreamStatus: expect.stringMatching(/^SEARCH_/) });
    expect((await view(search.id)).subject).toBe((await view(id)).subject);
  });

  it('that people have to treat is shown to people, until they have', async () => {
    const id = await enrolled('exception', 'ENROLL_EXCEPTION');
    expect(await view(id)).toMatchObject({ state: 'awaiting', attention: 'exception' });
    const list = async () =>
      ((await get('transactions/attention')) as { transactions: TransactionView[] }).transactions.map((one) => one.id);
    expect(await list()).toContain(id);
    gateway.spid.state.treat((await view(id)).upstreamId ?? '', 'ENROLL_OK');
    await concluded(id);
    expect(await view(id)).not.toHaveProperty('attention');
    expect(await list()).not.toContain(id);
  });
});
