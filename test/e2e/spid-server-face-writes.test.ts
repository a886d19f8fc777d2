import { randomUUID } from 'node:crypto';
import type { TestGateway } from '@atesto/gateway/gateway.fixture';
import { OPERATOR, startTestGateway } from '@atesto/gateway/gateway.fixture';
import { callFace, type FaceCall, refusalOf, submissionOf } from '@atesto/gateway/spid-server-face.fixture';
import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { isSpidWrite, type SpidWrite, spidWriteKinds } from '@atesto/shared/contracts/spid-server-writes';
import { getTransaction, type TransactionRow } from '@atesto/shared/ledger/transactions';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import {
  capturedRemotely,
  newcomer,
  pastGateway,
  requests,
  throughGateway,
} from './spid-server-face-writes.fixture.ts';
import { startTestWorkers } from './workers.fixture.ts';

let gateway: TestGateway;
let workers: ReturnType<typeof startTestWorkers>;
beforeAll(async () => {
  gateway = await startTestGateway();
  workers = startTestWorkers(gateway, { hurried: true });
  // Nothing ends while it is looked at.
  const pending = { getDeleteResult: 'DELETE_PENDING', getSearchResult: 'SEARCH_PENDING' };
  for (const [operation, word] of Object.entries(pending)) {
    gateway.spid.behaviours.add({ operation, fault: { type: 'status-word', word } });
  }
});
afterAll(async () => {
  await workers?.close();
  await gateway?.close();
});
// Nobody asks for what a case leaves behind: the next one has the workers to itself.
afterEach(() => gateway.context.db.query(`update transactions set due_at = null where state = 'awaiting'`));

const writes = (Object.keys(spidServerOperations) as SpidServerOperationName[]).filter(isSpidWrite);
const rowOf = (name: SpidWrite): SpidServerOperation => spidServerOperations[name];

/** A request through the gateway, with what it needs; the simulator has forgotten what it received before. */
async function prepare(name: SpidWrite): Promise<FaceCall> {
  const call = await requests[name](gateway, throughGateway(gateway));
  gateway.spid.received.clear();
  return call;
}
const sent = (name: SpidWrite) => gateway.spid.received.of(name).length;
const effects = (name: SpidWrite) =>
  gateway.spid.received.of(name).filter(({ status }) => rowOf(name).success.includes(status ?? 0)).length;

async function answerOf(response: Response) {
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}
type Answer = Awaited<ReturnType<typeof answerOf>>;
const call = async (name: SpidWrite, request: FaceCall, key?: string) =>
  answerOf(await callFace(gateway, name, request, key === undefined ? {} : { headers: { 'idempotency-key': key } }));

/** An answer without what differs from one time to the next. */
function formOf({ status, type, text }: Answer) {
  const same = text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id')
    .replaceAll(/applicant\/[\w-]+/g, 'applicant/token')
    .replaceAll(/0{5}\d{6}/g, 'cpf')
    .replaceAll(/\b1\d{12}\b/g, '0');
  const body: unknown = text === '' ? '' : JSON.parse(same);
  // Every operator is listed; the last is the one inserted.
  return { status, type: type?.split(';')[0], body: Array.isArray(body) ? body.at(-1) : body };
}
/** The same with the vendor's fields alone, where the answer is made here. */
function ownFormOf(name: SpidWrite, answer: Answer) {
  const form = formOf(answer);
  if (spidWriteKinds[name] !== 'spid.delete') return form;
  const { id, status } = form.body as { id: string; status: string };
  return { ...form, body: { id, status } };
}

async function ledgerRow(name: SpidWrite): Promise<TransactionRow> {
  const { db } = gateway.context;
  const { rows } = await db.query<{ id: string }>(
    'select id from transactions where operation = $1 order by accepted_at desc limit 1',
    [name],
  );
  const row = await getTransaction(db, rows[0]?.id ?? '');
  if (!row) throw new Error(`no ${name} was accepted`);
  return row;
}

async function shortly<T>(work: () => Promise<T>): Promise<T> {
  const { waitMsMax } = gateway.context.limits;
  gateway.context.limits.waitMsMax = 100;
  try {
    return await work();
  } finally {
    gateway.context.limits.waitMsMax = waitMsMax;
  }
}

/** What comes of a write whose answer is lost: it is found out, it is made again, or nobody can tell. */
const whenLost: Record<SpidWrite, 'found' | 'found, without its answer' | 'repeated' | 'dead'> = {
  deletePerson: 'found',
  deletePSBioPerson: 'found',
  redirectEnroll: 'found',
  createRemoteVerify: 'repeated',
  createRemoteEnroll: 'repeated',
  createRemoteCapture: 'repeated',
  finishRemoteCapture: 'found',
  notificationRemoteCapture: 'repeated',
  faceDetect: 'dead',
  operatorInsert: 'found',
  enrollOperator: 'found',
  deleteOperator: 'found',
  updateToken: 'repeated',
  deprecatedDeletePerson: 'found, without its answer',
  deprecatedSearch: 'dead',
  deprecatedEnrollOperator: 'dead',
  deprecatedOperatorInsert: 'found, without its answer',
  deprecatedEnrollClient: 'dead',
  deprecatedCreateRemoteCaptureEnrollUsingPOST: 'repeated',
  deprecatedCreateRemoteCaptureUsingPOST_1: 'repeated',
};

/** SPID Server's own answer where it stands as it does for us. */
async function expectedOf(name: SpidWrite) {
  const way = pastGateway(gateway);
  return ownFormOf(name, await answerOf(await way(name, await requests[name](gateway, way))));
}

describe.each(writes)('%s', (name) => {
  const kind = spidWriteKinds[name];
  const isCommand = kind === 'spid.command';
  /** About a transaction of ours: the second is the first, unless that came to nothing. */
  const isMadeOnce = name === 'redirectEnroll' || name === 'finishRemoteCapture';

  it('answers as SPID Server does, under our id, and the same to the same key', async () => {
    const theirs = await expectedOf(name);
    const request = await prepare(name);
    const key = randomUUID();
    const answer = await call(name, request, key);
    expect(formOf(answer)).toEqual(theirs);
    const row = await ledgerRow(name);
    expect(row).toMatchObject({
      kind,
      operation: name,
      owner: gateway.system.id,
      state: isCommand ? 'concluded' : 'awaiting',
      verdict: isCommand ? 'completed' : undefined,
    });
    if (isCommand) expect(row.upstreamStatus).toBe(`HTTP ${answer.status}`);
    else {
      expect(answer.text).toContain(row.id);
      expect(answer.text).not.toContain(row.upstreamId);
    }
    expect(await call(name, request, key)).toEqual(answer);
    expect(sent(name)).toBe(1);

    const other = await prepare(name);
    expect(await refusalOf(await callFace(gateway, name, other, { headers: { 'idempotency-key': key } }))).toEqual([
      409,
      'PROCESSING_ERROR',
    ]);
    expect(sent(name)).toBe(0);
  });

  it('is one request without a key while it is under way, and another one when that is over', async () => {
    const request = await prepare(name);
    gateway.spid.behaviours.add({ operation: name, fault: { type: 'latency', ms: 200 }, times: 1 });
    const [one, two] = await Promise.all([call(name, request), call(name, request)]);
    expect(two).toEqual(one);
    expect(rowOf(name).success).toContain(one.status);
    expect(sent(name)).toBe(1);
    const { id } = await ledgerRow(name);
    const end = (verdict: string) =>
      gateway.context.db.query(
        `update transactions set state = 'concluded', verdict = $2, due_at = null where id = $1`,
        [id, verdict],
      );
    if (!isCommand) {
      expect(await call(name, request)).toEqual(one);
      await end('completed');
    }
    if (isMadeOnce) {
      await call(name, request);
      expect([(await ledgerRow(name)).id, sent(name)]).toEqual([id, 1]);
      await end('rejected');
    }
    await call(name, request);
    expect((await ledgerRow(name)).id).not.toBe(id);
    expect(sent(name)).toBe(2);
  });

  it.each([404, 409, 422])('repeats the upstream’s %i as it came', async (status) => {
    const request = await prepare(name);
    const fault = { type: 'status', status, code: 'PROCESSING_ERROR' } as const;
    gateway.spid.behaviours.add({ operation: name, fault, times: 1 });
    const key = randomUUID();
    const answer = await call(name, request, key);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({
      errors: [{ type: 'PROCESSING_ERROR', message: 'simulated' }],
      type: 'PROCESSING_ERROR',
    });
    expect(await ledgerRow(name)).toMatchObject({
      state: 'concluded',
      verdict: 'rejected',
      upstreamStatus: `HTTP ${status}`,
      upstreamId: undefined,
    });
    expect(await call(name, request, key)).toEqual(answer);
    expect(sent(name)).toBe(1);
    expect(rowOf(name).success).toContain((await call(name, request)).status);
  });

  it('is kept while the upstream is away, and made once when it is back', async () => {
    const theirs = await expectedOf(name);
    const request = await prepare(name);
    const key = randomUUID();
    await gateway.spid.pause();
    const held = await shortly(() => callFace(gateway, name, request, { headers: { 'idempotency-key': key } }));
    const { id } = await ledgerRow(name);
    if (kind === 'spid.delete' || kind === 'spid.redirect') {
      const status = kind === 'spid.delete' ? 'DELETE_PENDING' : 'SEARCH_PENDING';
      expect([held.status, await held.json()]).toEqual([200, { id, status }]);
    } else {
      expect(held.headers.get('retry-after')).toBe('10');
      expect(await refusalOf(held)).toEqual([503, 'PROCESSING_ERROR']);
    }
    await gateway.spid.resume();
    const answer = formOf(await call(name, request, key));
    if (held.status === 503) expect(answer).toEqual(theirs);
    // The worker may have been there before, and the word may have moved on.
    else expect(answer).toEqual({ ...theirs, body: { id: 'id', status: expect.stringMatching(/^(DELETE|SEARCH)_/) } });
    expect((await ledgerRow(name)).id).toBe(id);
    expect(effects(name)).toBe(1);
  });

  it(`is ${whenLost[name]} where its answer is lost`, async () => {
    const theirs = await expectedOf(name);
    const request = await prepare(name);
    gateway.spid.behaviours.add({ operation: name, fault: { type: 'drop-after-accept' }, times: 1 });
    const key = randomUUID();
    const answer = await call(name, request, key);
    const end = whenLost[name];
    if (end === 'found' && !isCommand) {
      // The register is read later than the answer was given: its word has moved on.
      const status = expect.stringMatching(/^(DELETE_OK|SEARCH_FAILED)$/);
      expect(formOf(answer)).toEqual({ ...theirs, body: { id: 'id', status } });
    } else if (end === 'found' || end === 'repeated') expect(formOf(answer)).toEqual(theirs);
    else expect([answer.status, JSON.parse(answer.text).type]).toEqual([500, 'INTERNAL_ERROR']);
    expect((await ledgerRow(name)).state).toBe(end === 'dead' ? 'dead' : isCommand ? 'concluded' : 'awaiting');
    expect(effects(name)).toBe(end === 'repeated' ? 2 : 1);
    expect(await call(name, request, key)).toEqual(answer);
    expect(effects(name)).toBe(end === 'repeated' ? 2 : 1);
  });
});

describe.each(writes.filter((name) => whenLost[name] !== 'dead'))('%s that certainly had no effect', (name) => {
  it('is made again', async () => {
    const theirs = await expectedOf(name);
    const request = await prepare(name);
    gateway.spid.behaviours.add({ operation: name, fault: { type: 'drop-before-read' }, times: 1 });
    expect(formOf(await call(name, request))).toEqual(theirs);
    expect([sent(name), effects(name)]).toEqual([2, 1]);
  });
});

describe('what the upstream refuses is refused', () => {
  const unknown = randomUUID();
  /** How each request comes to be one that SPID Server does not take, and its status. */
  const refused: [SpidWrite, string, number, () => FaceCall | Promise<FaceCall>][] = [
    ['deletePerson', 'of nobody', 404, () => ({ params: { cpf: newcomer() } })],
    ['deletePSBioPerson', 'of nobody', 404, () => ({ params: { cpf: newcomer(), mot: 'F' } })],
    ['redirectEnroll', 'of nothing', 404, () => ({ params: { guid: unknown } })],
    ['redirectEnroll', 'of what was not rejected', 409, async () => ({ params: { guid: await enrolled() } })],
    ['finishRemoteCapture', 'of nothing', 404, () => ({ params: { tguid: unknown }, body: { approval: true } })],
    [
      'finishRemoteCapture',
      'before the capture',
      409,
      async () => ({ params: { tguid: await asked() }, body: { approval: true } }),
    ],
    ['notificationRemoteCapture', 'of nothing', 404, () => ({ body: { guid: unknown } })],
    ['notificationRemoteCapture', 'before the capture', 409, async () => ({ body: { guid: await asked() } })],
    ['deleteOperator', 'of nobody', 404, () => ({ params: { key: newcomer() } })],
    ['operatorInsert', 'of somebody who is there', 409, () => ({ body: { data: { document: OPERATOR } } })],
    [
      'createRemoteVerify',
      'by nobody',
      422,
      () => ({ body: { data: { clientID: newcomer(), operatorID: newcomer(), clientEmail: 'a@example.com' } } }),
    ],
    [
      'deprecatedOperatorInsert',
      'of somebody who is there',
      409,
      () => ({ params: { document: OPERATOR, status: 'PENDING' } }),
    ],
  ];
  const through = () => throughGateway(gateway);
  const enrolled = async () => {
    const { json } = submissionOf('first', { userId: newcomer() });
    const { id } = (await (await through()('enroll', { body: json })).json()) as { id: string };
    const word = async () =>
      ((await (await through()('getEnrollResult', { params: { id } })).json()) as { status: string }).status;
    await waitFor(async () => (await word()) === 'ENROLL_OK', { what: 'the enrolment' });
    return id;
  };
  const asked = async () => {
    const request = await requests.createRemoteEnroll(gateway, through());
    return ((await (await through()('createRemoteEnroll', request)).json()) as { tguid: string }).tguid;
  };

  it.each(refused)('%s %s: %i', async (name, _what, status, request) => {
    const answer = await callFace(gateway, name, await request());
    expect(await refusalOf(answer)).toEqual([status, 'PROCESSING_ERROR']);
    expect(await ledgerRow(name)).toMatchObject({ verdict: 'rejected', upstreamStatus: `HTTP ${status}` });
  });
});

describe('a remote enrolment', () => {
  it('that is not approved is rejected, under our id', async () => {
    const through = throughGateway(gateway);
    const id = await capturedRemotely(through);
    const finished = await call('finishRemoteCapture', { params: { tguid: id }, body: { approval: false } });
    expect(finished).toEqual({ status: 200, type: null, text: '' });
    const result = async () => answerOf(await through('getEnrollResult', { params: { id } }));
    await waitFor(async () => (await result()).text.includes('ENROLL_REJECTED'), { what: 'the rejection' });
    expect(JSON.parse((await result()).text)).toEqual({ id, status: 'ENROLL_REJECTED' });
    const byGuid = await answerOf(await through('getTransactionGuid', { params: { guid: id } }));
    expect(JSON.parse(byGuid.text)).toEqual({ id, status: 'ENROLL_REJECTED', type: 'ENROLL' });
  });
});

describe('a deletion', () => {
  it('is not taken for an earlier one that was made', async () => {
    const { params } = await prepare('deletePSBioPerson');
    const cpf = params?.cpf ?? '';
    const first = JSON.parse((await call('deletePSBioPerson', { params: { cpf, mot: 'E' } })).text);
    gateway.spid.behaviours.add({ operation: 'deletePerson', fault: { type: 'drop-before-read' }, times: 1 });
    const second = await call('deletePerson', { params: { cpf } });
    expect(second.status).toBe(200);
    expect(JSON.parse(second.text).id).not.toBe(first.id);
    expect([effects('deletePSBioPerson'), effects('deletePerson')]).toEqual([1, 1]);
    expect((await throughGateway(gateway)('getPerson', { params: { key: cpf } })).status).toBe(404);
  });

  it('is polled to its end, which is told under our id', async () => {
    gateway.spid.behaviours.clear();
    const through = throughGateway(gateway);
    const request = await prepare('deletePerson');
    const { id } = JSON.parse((await call('deletePerson', request)).text);
    const result = async () => answerOf(await through('getDeleteResult', { params: { id } }));
    await waitFor(async () => (await result()).text.includes('DELETE_OK'), { what: 'the deletion' });
    expect(JSON.parse((await result()).text)).toEqual({ id, status: 'DELETE_OK' });
    expect((await through('getPerson', { params: { key: request.params?.cpf ?? '' } })).status).toBe(404);
    expect(await ledgerRow('deletePerson')).toMatchObject({ id, state: 'concluded', verdict: 'completed' });
  });
});
