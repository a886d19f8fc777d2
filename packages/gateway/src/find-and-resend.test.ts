import { randomUUID } from 'node:crypto';
import type { ResendView, TransactionView } from '@atesto/shared/contracts/gateway';
import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import { takeUpFailed } from '@atesto/shared/ledger/resends';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { enrolment, OPERATOR, post, problemOf, SOMEBODY, startTestGateway } from './gateway.fixture.ts';

let gateway: TestGateway;
let enqueued: { id: string; lane: string | undefined }[];
beforeAll(async () => {
  gateway = await startTestGateway();
  gateway.context.enqueue = async ({ id }, lane) => {
    enqueued.push({ id, lane });
  };
});
beforeEach(() => {
  enqueued = [];
});
afterAll(() => gateway?.close());

async function accept(marker: string): Promise<string> {
  const request = await enrolment(gateway, marker);
  const response = await post(gateway, '/v1/transactions', request);
  expect(response.status).toBe(201);
  enqueued = [];
  return request.id;
}
async function after(id: string, ...events: TransactionEvent[]): Promise<TransactionRow> {
  let row = await getTransaction(gateway.context.db, id);
  for (const event of events) row = row && (await applyEvent(gateway.context.db, row, event, { dueInMs: 60_000 }));
  if (!row) throw new Error('an event was not applied');
  return row;
}
const claimed = { type: 'claimed' } as const;
const failed = { type: 'failed', reason: 'x' } as const;
const json = async <T>(response: Response) => (await response.json()) as T;

describe('POST /v1/transactions/lookup', () => {
  const lookup = (cpf: string, key = gateway.station.key) => post(gateway, '/v1/transactions/lookup', { cpf }, { key });

  it('gives the caller’s latest transaction about a person', async () => {
    expect(await json(await lookup(SOMEBODY))).toEqual({ transaction: null });
    await accept('first');
    const latest = await accept('latest');
    const { transaction } = await json<{ transaction: TransactionView }>(await lookup('529.982.247-25'));
    expect(transaction).toMatchObject({ id: latest, kind: 'spid.enroll', state: 'accepted' });
    expect(JSON.stringify(transaction)).not.toContain(SOMEBODY);
  });

  it('knows nothing of other people, nor of other callers, and makes nobody', async () => {
    const before = await gateway.context.db.query('select count(*) from subjects');
    expect(await json(await lookup('39053344705'))).toEqual({ transaction: null });
    expect(await json(await lookup(SOMEBODY, gateway.system.key))).toEqual({ transaction: null });
    expect((await gateway.context.db.query('select count(*) from subjects')).rows).toEqual(before.rows);
    // An operator is not the person whom the transaction is about.
    expect(await json(await lookup(OPERATOR))).toEqual({ transaction: null });
  });

  it('refuses what is no CPF', async () => {
    expect(await problemOf(await lookup('52998224724'))).toBe('invalid-cpf');
    expect(await problemOf(await post(gateway, '/v1/transactions/lookup', {}))).toBe('invalid-request');
    expect(gateway.logged()).not.toContain(SOMEBODY);
  });
});

describe('POST /v1/transactions/find', () => {
  it('gives those of the caller, at most a hundred', async () => {
    const ids = [await accept('one'), await accept('two')];
    const find = (key: string) =>
      post(gateway, '/v1/transactions/find', { ids: [...ids, randomUUID()] }, { key }).then((response) =>
        json<{ transactions: TransactionView[] }>(response),
      );
    expect((await find(gateway.station.key)).transactions.map(({ id }) => id).sort()).toEqual(ids.sort());
    expect(await find(gateway.system.key)).toEqual({ transactions: [] });
    const tooMany = Array.from({ length: 101 }, () => randomUUID());
    expect(await problemOf(await post(gateway, '/v1/transactions/find', { ids: tooMany }))).toBe('invalid-request');
    expect(await problemOf(await post(gateway, '/v1/transactions/find', { ids: ['x'] }))).toBe('invalid-request');
  });
});

describe('POST /v1/transactions/{id}/resend', () => {
  const resend = (id: string, options: { key?: string; wait?: number } = {}) =>
    fetch(`${gateway.url}/v1/transactions/${id}/resend`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${options.key ?? gateway.station.key}`,
        ...(options.wait !== undefined && { prefer: `wait=${options.wait}` }),
      },
    });

  it.each<[string, TransactionEvent[], string]>([
    ['retrying', [claimed, failed], 'retrying'],
    ['dead after a refusal', [claimed, { type: 'refused', reason: 'x' }], 'retrying'],
    [
      'dead of an unknown outcome',
      [claimed, { type: 'lost', reason: 'x' }, { type: 'abandoned', reason: 'x' }],
      'unknown',
    ],
  ])('takes up again what is %s', async (_case, events, state) => {
    const id = await accept(`${_case} resend`);
    await after(id, ...events);
    expect(await json(await resend(id))).toMatchObject({ id, state });
    expect(enqueued).toEqual([{ id, lane: 'resend' }]);
  });

  it.each<[string, TransactionEvent[]]>([
    ['accepted', []],
    ['submitting', [claimed]],
    ['unknown', [claimed, { type: 'lost', reason: 'x' }]],
    ['concluded', [claimed, { type: 'concluded', outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } }]],
  ])('leaves alone what is %s, and says so', async (state, events) => {
    const id = await accept(`${state} not resent`);
    const row = await after(id, ...events);
    expect(await json(await resend(id))).toMatchObject({ id, state });
    expect(enqueued).toEqual([]);
    expect((await after(id)).version).toBe(row.version);
  });

  it('holds a caller who prefers to wait until there is news of the new attempt', async () => {
    const id = await accept('waits');
    await after(id, claimed, failed);
    const answer = resend(id, { wait: 20 });
    while (enqueued.length === 0) await new Promise(setImmediate);
    expect(enqueued).toEqual([{ id, lane: 'personWaiting' }]);
    await after(id, claimed, { type: 'concluded', outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } });
    expect(await json(await answer)).toMatchObject({ state: 'concluded', attempt: 2 });
  });

  it('knows nothing of somebody else’s', async () => {
    const id = await accept('mine alone');
    await after(id, claimed, failed);
    expect(await problemOf(await resend(id, { key: gateway.system.key }))).toBe('not-found');
    expect(await problemOf(await resend(randomUUID()))).toBe('not-found');
    expect(await problemOf(await resend('x'))).toBe('invalid-request');
    expect(enqueued).toEqual([]);
    expect((await resend(id, { key: gateway.administrator.key })).status).toBe(200);
  });
});

describe('resend all', () => {
  const failedOnes = async (count: number, of: string) => {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const id = await accept(`${of} ${i}`);
      await after(id, claimed, failed);
      ids.push(id);
    }
    return ids;
  };
  /** Copies of a failed transaction, as they stand. */
  const copies = (id: string, count: number) =>
    gateway.context.db.query(
      `insert into transactions (id, owner, station, kind, subject, request_mac, payload, payload_bytes, wrapped_key, state, version, attempt, due_at)
        select gen_random_uuid(), owner, station, kind, subject, request_mac, payload, payload_bytes, wrapped_key, state, version, attempt, due_at
        from transactions, generate_series(1, $2) where id = $1`,
      [id, count],
    );
  const begin = async (key?: string) =>
    json<{ id: string; count: number }>(await post(gateway, '/v1/transactions/resend', {}, key ? { key } : {}));
  const call = (method: string, id: string, key = gateway.station.key, accept = 'application/json', suffix = '') =>
    fetch(`${gateway.url}/v1/resends/${id}${suffix}`, { method, headers: { authorization: `Bearer ${key}`, accept } });
  beforeEach(() => gateway.context.db.query("update transactions set state = 'concluded' where state <> 'concluded'"));

  it('takes a small run up within the request', async () => {
    const ids = await failedOnes(3, 'small');
    const { id, count } = await begin();
    expect(count).toBe(3);
    expect(enqueued).toEqual(ids.map((one) => ({ id: one, lane: 'resend' })));
    const view = await json<ResendView>(await call('GET', id));
    expect(view).toMatchObject({ id, state: 'done', found: 3, takenUp: 3, left: 0, endedAt: expect.any(String) });
    expect(view.perSecond).toBeGreaterThan(0);
    expect((await begin()).count).toBe(3);
    expect((await begin(gateway.system.key)).count).toBe(0);
  });

  it('leaves a large one to the workers: it is begun once, watched and cancelled', async () => {
    const [one] = await failedOnes(1, 'large');
    await copies(one as string, 100);
    const run = await begin();
    expect(run.count).toBe(101);
    expect(await begin()).toEqual(run);
    expect(enqueued).toEqual([]);
    expect(await json(await call('GET', run.id))).toMatchObject({
      state: 'running',
      found: 101,
      takenUp: 0,
      left: 101,
    });

    const stream = await call('GET', run.id, undefined, 'text/event-stream', '/events');
    const reader = (stream.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toMatch(/^event: running\ndata: .*"takenUp":0/);
    await takeUpFailed(gateway.context.db, { account: undefined, limit: 60, leaseMs: 60_000 });
    expect((await reader.read()).value).toMatch(/^event: running\ndata: .*"takenUp":60,"left":41,"perSecond"/);
    expect(await json(await call('DELETE', run.id))).toMatchObject({ state: 'cancelled', takenUp: 60, left: 41 });
    expect((await reader.read()).value).toMatch(/^event: cancelled\n/);
    expect((await reader.read()).done).toBe(true);
    expect(await json(await call('DELETE', run.id))).toMatchObject({ state: 'cancelled', takenUp: 60 });
    expect((await begin()).id).not.toBe(run.id);
  });

  it('shows a run to whom its transactions are, and to the administrator', async () => {
    const { id } = await begin();
    for (const method of ['GET', 'DELETE']) {
      expect(await problemOf(await call(method, id, gateway.system.key))).toBe('not-found');
      expect((await call(method, id, gateway.administrator.key)).status).toBe(200);
    }
    const all = await begin(gateway.administrator.key);
    expect(await problemOf(await call('GET', all.id))).toBe('not-found');
    expect(await problemOf(await call('GET', randomUUID()))).toBe('not-found');
    expect(await problemOf(await call('GET', 'x'))).toBe('invalid-request');
  });
});
