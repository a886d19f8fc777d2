import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import type { TransactionView } from '@atesto/shared/contracts/gateway';
import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import { eraseRequested } from '@atesto/shared/ledger/erasure';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/stack/wait-for.ts';
import {
  enrolment,
  IDCLOUD_KEY,
  OPERATOR,
  post,
  problemOf,
  SOMEBODY,
  startTestGateway,
  type TestGateway,
} from './gateway.fixture.ts';
import { goodCreate } from './idcloud-face.fixture.ts';
import { submissionOf } from './spid-server-face.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

const claimed = { type: 'claimed' } as const;
const taken = { type: 'taken', upstreamId: 'u-1', upstreamStatus: 'ENROLL_PENDING' } as const;
const concluded = {
  type: 'concluded',
  upstreamId: 'u-1',
  outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' },
} as const;

async function after(id: string, ...events: TransactionEvent[]): Promise<TransactionRow> {
  let row = await getTransaction(gateway.context.db, id);
  for (const event of events) row = row && (await applyEvent(gateway.context.db, row, event, { dueInMs: 60_000 }));
  if (!row) throw new Error('an event was not applied');
  return row;
}
async function accept(marker: string) {
  const request = await enrolment(gateway, marker);
  expect((await post(gateway, '/v1/transactions', request)).status).toBe(201);
  return request;
}
const call = (method: string, route: string, key = gateway.station.key, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}${route}`, { method, headers: { authorization: `Bearer ${key}`, ...headers } });
const erase = (id: string, key?: string) => call('DELETE', `/v1/transactions/${id}`, key);
const viewOf = async (response: Response) => (await response.json()) as TransactionView;

describe('DELETE /v1/transactions/{id}', () => {
  it.each<[string, TransactionEvent[]]>([
    ['accepted', []],
    ['retrying', [claimed, { type: 'failed', reason: 'x' }]],
    ['concluded', [claimed, concluded]],
    ['dead', [claimed, { type: 'refused', reason: 'x' }]],
  ])('erases at once what is %s, as often as it is asked', async (state, events) => {
    const { id } = await accept(`erased ${state}`);
    const before = await after(id, ...events);
    for (let time = 0; time < 2; time++) {
      const response = await erase(id);
      expect(response.status).toBe(200);
      expect(await viewOf(response)).toEqual({
        id,
        kind: 'spid.enroll',
        state: 'erased',
        attempt: before.attempt,
        station: gateway.station.id,
        operatorVerification: 'verified',
        ...(state === 'concluded' && { upstreamId: 'u-1' }),
        acceptedAt: before.acceptedAt.toISOString(),
        updatedAt: expect.any(String),
        eraseRequestedAt: expect.any(String),
      });
    }
    const events_ = (await (await call('GET', `/v1/transactions/${id}/events`)).json()) as { type: string }[];
    expect(events_.filter(({ type }) => type === 'erased')).toMatchObject([{ detail: { by: gateway.station.id } }]);
    expect(gateway.logged()).toContain('"transaction-erased"');
  });

  it.each<[string, TransactionEvent[]]>([
    ['submitting', [claimed]],
    ['unknown', [claimed, { type: 'lost', reason: 'x' }]],
    ['awaiting', [claimed, taken]],
  ])('answers 202 for what is %s, and leaves it to its end', async (state, events) => {
    const { id } = await accept(`to be erased ${state}`);
    const row = await after(id, ...events);
    for (let time = 0; time < 2; time++) {
      const response = await erase(id);
      expect(response.status).toBe(202);
      expect(await viewOf(response)).toMatchObject({ id, state, eraseRequestedAt: expect.any(String) });
    }
    const { wrappedKey } = await after(id);
    expect(wrappedKey === undefined).toBe(state !== 'submitting');
    await applyEvent(gateway.context.db, row, concluded);
    await eraseRequested(gateway.context.db, 10);
    expect((await erase(id)).status).toBe(200);
  });

  it('is for the owner and an administrator; to others there is nothing', async () => {
    const { id } = await accept('whose');
    for (const response of [await erase(id, gateway.system.key), await erase(randomUUID())]) {
      expect([response.status, await problemOf(response)]).toEqual([404, 'not-found']);
    }
    expect((await viewOf(await call('GET', `/v1/transactions/${id}`))).state).toBe('accepted');
    expect((await erase(id, gateway.administrator.key)).status).toBe(200);
  });

  it('wakes whoever waits for the transaction', async () => {
    const request = await enrolment(gateway, 'waited for');
    const waiting = post(gateway, '/v1/transactions', request, { headers: { prefer: 'wait=20' } });
    await waitFor(() => getTransaction(gateway.context.db, request.id), { what: 'the acceptance' });
    await erase(request.id);
    expect((await viewOf(await waiting)).state).toBe('erased');
  });
});

describe('an erased transaction', () => {
  it('says nothing about the person, by whatever way it is asked', async () => {
    const request = await accept('never again');
    await after(request.id, claimed, concluded);
    await erase(request.id);
    const report = await call('GET', `/v1/transactions/${request.id}/report?source=upstream`);
    expect([report.status, await problemOf(report)]).toEqual([404, 'not-found']);
    expect((await call('GET', `/v1/transactions/${request.id}/report`)).status).toBe(200);
    const lookup = await post(gateway, '/v1/transactions/lookup', { cpf: SOMEBODY });
    expect(JSON.stringify(await lookup.json())).not.toContain(request.id);
    for (const one of ['', '/events', '/report']) {
      const text = await (await call('GET', `/v1/transactions/${request.id}${one}`)).text();
      for (const word of [SOMEBODY, OPERATOR, 'ENROLL_OK', '982.247']) expect(text).not.toContain(word);
    }
  });

  it('is still the same request: nothing is sent for it again', async () => {
    const request = await accept('repeated');
    await erase(request.id);
    const again = await post(gateway, '/v1/transactions', request);
    expect([again.status, (await viewOf(again)).state]).toEqual([200, 'erased']);
    const resent = await call('POST', `/v1/transactions/${request.id}/resend`);
    expect((await viewOf(resent)).state).toBe('erased');
    const other = await post(gateway, '/v1/transactions', { ...request, capturedAt: request.capturedAt + 1 });
    expect(await problemOf(other)).toBe('id-conflict');
  });

  it('does not exist at the face of SPID Server', async () => {
    const { key } = gateway.system;
    const headers = { 'idempotency-key': 'erased at the face' };
    const submit = (body: unknown) => post(gateway, '/gbs-spid-server/people', body, { key, headers });
    const body = submissionOf('erased').json;
    const { id } = (await (await submit(body)).json()) as { id: string };
    await after(id, claimed, concluded);
    expect((await call('GET', `/gbs-spid-server/people/transactions/${id}`, key)).status).not.toBe(404);
    expect((await erase(id, key)).status).toBe(200);
    for (const path of [`people/transactions/${id}`, `transaction/${id}`, `report/${id}`]) {
      expect((await call('GET', `/gbs-spid-server/${path}`, key)).status).toBe(404);
    }
    expect((await submit(body)).status).toBe(404);
  });

  it('does not exist at the faces of IDCloud', async () => {
    const { key } = gateway.system;
    const headers = { apikey: IDCLOUD_KEY, 'idempotency-key': 'erased at IDCloud' };
    gateway.context.limits.waitMsMax = 50;
    const body = goodCreate();
    const create = () => post(gateway, '/idcloud/processes/v1', body, { key, headers });
    const { id } = (await (await create()).json()) as { id: string };
    expect((await erase(id, key)).status).toBe(200);
    for (const response of [await create(), await call('GET', `/idcloud/processes/v1/${id}`, key, headers)]) {
      expect([response.status, await response.json()]).toMatchObject([404, { error: { code: 50001 } }]);
    }
  });

  it('leaves its file for the workers, without a key', async () => {
    const { id } = await accept('file');
    const { payload } = await after(id);
    await erase(id);
    const { rows } = await gateway.context.db.query('select record from erased_records where record = $1', [payload]);
    expect(rows).toHaveLength(1);
    expect((await readdir(gateway.vaultDir, { recursive: true })).some((name) => name.endsWith(payload))).toBe(true);
  });
});
