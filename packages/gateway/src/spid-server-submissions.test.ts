import { randomUUID } from 'node:crypto';
import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import { issueSystemKey } from '@atesto/shared/ledger/credentials';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from './gateway.fixture.ts';
import { enrolment, post, postedBody, startTestGateway } from './gateway.fixture.ts';
import { countsOf, refusalOf, submissionOf } from './spid-server-face.fixture.ts';

const ENROLL = '/gbs-spid-server/people';
const VERIFY = '/gbs-spid-server/verify';

let gateway: TestGateway;
let enqueue: TestGateway['context']['enqueue'];
/** Lanes of what was put in line, and what a worker would do with it. */
let lanes: (string | undefined)[] = [];
let worker: TransactionEvent[] = [];
beforeAll(async () => {
  gateway = await startTestGateway();
  ({ enqueue } = gateway.context);
  gateway.context.enqueue = async (moment, lane) => {
    lanes.push(lane);
    await enqueue(moment, lane);
    void happen(moment.id, ...worker);
  };
});
afterAll(() => gateway?.close());

async function happen(id: string, ...events: TransactionEvent[]): Promise<void> {
  for (const event of events) {
    const row = await getTransaction(gateway.context.db, id);
    if (row) await applyEvent(gateway.context.db, row, event);
  }
}
/** Makes it happen to whatever is accepted while `work` runs. */
async function withWorker<T>(events: TransactionEvent[], work: () => Promise<T>): Promise<T> {
  worker = events;
  try {
    return await work();
  } finally {
    worker = [];
  }
}
async function shortly<T>(work: () => Promise<T>): Promise<T> {
  const { waitMsMax } = gateway.context.limits;
  gateway.context.limits.waitMsMax = 50;
  try {
    return await work();
  } finally {
    gateway.context.limits.waitMsMax = waitMsMax;
  }
}
const submit = (path: string, body: unknown, headers: Record<string, string> = {}, key = gateway.system.key) =>
  post(gateway, path, body, { key, headers });
const get = (path: string, key = gateway.system.key) =>
  fetch(`${gateway.url}/gbs-spid-server/${path}`, { headers: { authorization: `Bearer ${key}` } });
const resultOf = async (response: Response) => {
  expect(response.status).toBe(200);
  return (await response.json()) as { id: string; status: string };
};
const claimed: TransactionEvent = { type: 'claimed' };

describe('enroll', () => {
  it('is on disk as it came, byte for byte, before it is answered', async () => {
    lanes = [];
    const { text, json } = submissionOf('as it came');
    const { id, ...rest } = await resultOf(await submit(ENROLL, text));
    expect(rest).toEqual({ status: 'ENROLL_PENDING' });
    expect(lanes).toEqual([undefined]);
    const row = await getTransaction(gateway.context.db, id);
    expect(row).toMatchObject({
      kind: 'spid.enroll',
      owner: gateway.system.id,
      state: 'accepted',
      capturedAt: new Date(json.data.timestamp),
      operatorVerification: undefined,
    });
    expect(await postedBody(gateway, id)).toBe(text);
  });

  it('answers a repeated request with what stands, and ten at once with one transaction', async () => {
    const { text } = submissionOf('again');
    const before = await countsOf(gateway);
    const answers = await Promise.all(Array.from({ length: 10 }, async () => resultOf(await submit(ENROLL, text))));
    const ids = new Set(answers.map(({ id }) => id));
    expect(ids.size).toBe(1);
    expect(await countsOf(gateway)).toEqual({
      transactions: before.transactions + 1,
      jobs: before.jobs + 1,
      files: before.files + 1,
    });
    const [id = ''] = ids;
    const outcome = { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } as const;
    await happen(id, claimed, { type: 'concluded', outcome, upstreamId: 'u-1' });
    expect(await resultOf(await submit(ENROLL, text))).toEqual({ id, status: 'ENROLL_OK' });
  });

  it('knows a request by its triple or its Idempotency-Key, of one caller and one operation', async () => {
    const { json, text } = submissionOf('triple');
    const first = await resultOf(await submit(ENROLL, text));
    const before = await countsOf(gateway);
    const other = submissionOf('another picture', { timestamp: json.data.timestamp }).text;
    expect(await refusalOf(await submit(ENROLL, other))).toEqual([409, 'PROCESSING_ERROR']);
    expect(await countsOf(gateway)).toEqual(before);

    const key = { 'idempotency-key': randomUUID() };
    const keyed = await resultOf(await submit(ENROLL, text, key));
    expect(keyed.id).not.toBe(first.id);
    expect(await resultOf(await submit(ENROLL, text, key))).toEqual(keyed);
    expect(await refusalOf(await submit(ENROLL, other, key))).toEqual([409, 'PROCESSING_ERROR']);
    expect(await refusalOf(await submit(ENROLL, text, { 'idempotency-key': 'x'.repeat(201) }))).toEqual([
      400,
      'VALIDATION_ERROR',
    ]);

    const { key: otherKey } = await issueSystemKey(gateway.context.db, 'another system');
    expect((await resultOf(await submit(ENROLL, text, {}, otherKey))).id).not.toBe(first.id);
    const verified = await shortly(async () => resultOf(await submit(VERIFY, text)));
    expect(verified.id).not.toBe(first.id);
  });
});

describe('verify', () => {
  it('is held for the upstream’s word, in the lane of persons who wait', async () => {
    lanes = [];
    for (const [verdict, upstreamStatus] of [
      ['match', 'SEARCH_MATCH'],
      ['no-match', 'SEARCH_NOT_MATCH'],
      ['failed', 'SEARCH_FAILED'],
    ] as const) {
      const events: TransactionEvent[] = [claimed, { type: 'concluded', outcome: { verdict, upstreamStatus } }];
      const answer = await withWorker(events, async () => resultOf(await submit(VERIFY, submissionOf('v').text)));
      expect(answer).toEqual({ id: expect.any(String), status: upstreamStatus });
      expect(await resultOf(await get(`verify/${answer.id}`))).toEqual(answer);
    }
    expect(lanes).toEqual(['personWaiting', 'personWaiting', 'personWaiting']);
  });

  it('repeats a word that nobody knows', async () => {
    const events: TransactionEvent[] = [claimed, { type: 'taken', upstreamId: 'u', upstreamStatus: 'SEARCH_SOMEHOW' }];
    const answer = await withWorker(events, async () => resultOf(await submit(VERIFY, submissionOf('v').text)));
    expect(answer.status).toBe('SEARCH_SOMEHOW');
  });

  it('answers SEARCH_PENDING past the wait, under an id that answers later', async () => {
    const { id, status } = await shortly(async () => resultOf(await submit(VERIFY, submissionOf('v').text)));
    expect(status).toBe('SEARCH_PENDING');
    expect(await resultOf(await get(`verify/${id}`))).toEqual({ id, status });
  });

  it.each([
    ['bad-request', 422, 'VALIDATION_ERROR'],
    ['unprocessable', 422, 'VALIDATION_ERROR'],
    ['payload-erased', 500, 'INTERNAL_ERROR'],
  ])('that died of %s is answered with %i', async (reason, status, type) => {
    const { text } = submissionOf('dead');
    const answer = await withWorker([claimed, { type: 'refused', reason }], () => submit(VERIFY, text));
    expect(await refusalOf(answer)).toEqual([status, type]);
    expect(await refusalOf(await submit(VERIFY, text))).toEqual([status, type]);
  });
});

describe('our ids', () => {
  it('answer from the ledger, to their owner and for their kind', async () => {
    const { id } = await resultOf(await submit(ENROLL, submissionOf('ours').text));
    gateway.spid.received.clear();
    expect(await resultOf(await get(`people/transactions/${id}`))).toEqual({ id, status: 'ENROLL_PENDING' });
    expect(await resultOf(await get(`people/transactions/${id.toUpperCase()}`))).toEqual({
      id,
      status: 'ENROLL_PENDING',
    });
    expect(await resultOf(await get(`transaction/${id}`))).toEqual({ id, status: 'ENROLL_PENDING', type: 'ENROLL' });
    expect(await refusalOf(await get(`verify/${id}`))).toEqual([404, 'PROCESSING_ERROR']);
    for (const path of [`report/${id}`, `transaction/biometrics/${id}`]) {
      expect(await refusalOf(await get(path))).toEqual([409, 'PROCESSING_ERROR']);
    }
    const { key } = await issueSystemKey(gateway.context.db, 'a stranger');
    for (const path of ['people/transactions', 'transaction', 'transaction/biometrics', 'report']) {
      expect(await refusalOf(await get(`${path}/${id}`, key)), path).toEqual([404, 'PROCESSING_ERROR']);
    }
    const ofStation = await enrolment(gateway, 'of a station');
    await post(gateway, '/v1/transactions', ofStation);
    // A station is any system's, and so is what it sent in.
    for (const system of [gateway.system.key, key]) {
      const result = await resultOf(await get(`people/transactions/${ofStation.id}`, system));
      expect(result).toEqual({ id: ofStation.id, status: 'ENROLL_PENDING' });
    }
    expect(gateway.spid.received.of()).toEqual([]);
  });

  it('lead to the upstream’s report and pictures', async () => {
    const { json, text } = submissionOf('reported');
    const { id } = await resultOf(await submit(ENROLL, text));
    const taken = await gateway.context.spid.call('enroll', { body: json });
    if (taken.kind !== 'done') throw new Error(taken.kind);
    const { id: upstreamId, status: upstreamStatus } = taken.value;
    await happen(id, claimed, { type: 'taken', upstreamId, upstreamStatus });
    const report = await get(`report/${id}`);
    expect([report.status, report.headers.get('content-type')]).toEqual([200, 'application/pdf']);
    expect(await report.text()).toMatch(/^%PDF-/);
    const data = await get(`transaction/biometrics/${id}`);
    expect(await data.json()).toMatchObject({ id: upstreamId, timestamp: json.data.timestamp });
  });
});
