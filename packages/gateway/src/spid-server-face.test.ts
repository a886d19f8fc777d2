import { randomUUID } from 'node:crypto';
import type { errorTypes } from '@atesto/shared/contracts/spid-server';
import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { isSpidWrite, type SpidWrite, spidWriteKinds } from '@atesto/shared/contracts/spid-server-writes';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { issueSystemKey } from '@atesto/shared/ledger/credentials';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { createSpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { idnOf } from '@atesto/simulators/spid-server/system';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portrait } from '../../../test/contract/spid-house.ts';
import type { TestGateway } from './gateway.fixture.ts';
import { OPERATOR, SOMEBODY, startTestGateway } from './gateway.fixture.ts';
import { callFace, type FaceCall, refusalOf, submissionOf, targetOf, wellFormed } from './spid-server-face.fixture.ts';

const STRANGER = '11144477735';

let gateway: TestGateway;
/** Ids that the upstream gave to somebody who asked it directly. */
const theirs = { enrol: '', search: '', deletion: '', remote: '', session: '' };
beforeAll(async () => {
  gateway = await startTestGateway();
  const { spid, context } = gateway;
  spid.state.seedPerson(SOMEBODY, []);
  spid.state.seedPerson(STRANGER, []);
  const idOf = (written: { kind: string; value?: { id: string } | undefined }) => written.value?.id ?? written.kind;
  theirs.enrol = idOf(await context.spid.call('enroll', { body: submissionOf('theirs').json }));
  theirs.search = idOf(await context.spid.call('verify', { body: submissionOf('theirs').json }));
  theirs.deletion = idOf(await context.spid.call('deletePerson', { params: { cpf: STRANGER } }));
  theirs.remote = await remoteCapture();
  theirs.session = await openSession();
});
afterAll(() => gateway?.close());

async function openSession(): Promise<string> {
  const opened = await gateway.context.spid.call('deprecatedAuthenticate', { body: 'user:password' });
  if (opened.kind !== 'done') throw new Error(opened.kind);
  return opened.value;
}

/** A remote capture whose applicant has sent a face. */
async function remoteCapture(): Promise<string> {
  const body = { data: { clientID: SOMEBODY, operatorID: OPERATOR, clientEmail: 'somebody@example.com' } };
  const asked = await gateway.context.spid.call('createRemoteVerify', { body });
  if (asked.kind !== 'done') throw new Error(asked.kind);
  const { tguid, dynamicLink } = asked.value;
  const sent = await fetch(`${dynamicLink}/face`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: portrait('bia', 1) }),
  });
  if (sent.status !== 204) throw new Error(`the applicant was answered with ${sent.status}`);
  return tguid;
}

/** No worker works here: nobody is held for the whole of the time. */
async function shortly<T>(work: () => Promise<T>): Promise<T> {
  const { waitMsMax } = gateway.context.limits;
  gateway.context.limits.waitMsMax = 50;
  try {
    return await work();
  } finally {
    gateway.context.limits.waitMsMax = waitMsMax;
  }
}

type ErrorType = (typeof errorTypes)[number];
type PassedOn = Exclude<SpidServerOperationName, SpidWrite | 'enroll' | 'verify'>;

interface Case {
  call(): FaceCall | Promise<FaceCall>;
  /** Of the success; 200 unless it says otherwise. */
  status?: number;
  /** The success: JSON, or text where it is none. */
  expected: unknown;
  /** Names nobody; none only where nothing is named. */
  missing?: () => FaceCall;
}

const inSession = (rest: Record<string, string>) => ({ params: { sessionGuid: theirs.session, ...rest } });

/** Every read, and the two calls of a session. */
const cases: Record<PassedOn, Case> = {
  getDeleteResult: {
    call: () => ({ params: { id: theirs.deletion } }),
    expected: expect.objectContaining({ status: 'DELETE_OK' }),
    missing: wellFormed.getDeleteResult,
  },
  getEnrollResult: {
    call: () => ({ params: { id: theirs.enrol } }),
    expected: expect.objectContaining({ status: expect.stringMatching(/^ENROLL_/) }),
    missing: wellFormed.getEnrollResult,
  },
  getPerson: {
    call: () => ({ params: { key: SOMEBODY } }),
    expected: expect.objectContaining({ 'enroll-status': 'ENROLLED' }),
    missing: () => ({ params: { key: STRANGER } }),
  },
  generateReport: {
    call: () => ({ params: { tguid: theirs.search } }),
    expected: expect.stringMatching(/^%PDF-/),
    missing: wellFormed.generateReport,
  },
  getSearchResult: {
    call: () => ({ params: { tguid: theirs.search } }),
    expected: expect.objectContaining({ status: expect.stringMatching(/^SEARCH_/) }),
    missing: wellFormed.getSearchResult,
  },
  getTransactionGuid: {
    call: () => ({ params: { guid: theirs.search } }),
    expected: expect.objectContaining({ type: 'SEARCH' }),
    missing: wellFormed.getTransactionGuid,
  },
  getTransactionData: {
    call: () => ({ params: { tguid: theirs.search } }),
    expected: expect.objectContaining({ userId: SOMEBODY, operatorId: OPERATOR }),
    missing: wellFormed.getTransactionData,
  },
  getPersonTransactionData: {
    call: () => ({ params: { cpf: SOMEBODY } }),
    expected: expect.objectContaining({ userId: SOMEBODY }),
    missing: () => ({ params: { cpf: OPERATOR } }),
  },
  getClientVersion: { call: () => ({}), expected: expect.stringContaining('4.2.12') },
  getFile: { call: () => ({ query: { os: 'linux' } }), expected: expect.stringContaining('for linux') },
  operatorList: {
    call: () => ({}),
    expected: [expect.objectContaining({ document: OPERATOR, status: 'VERIFIED' })],
  },
  getOperator: {
    call: () => ({ params: { key: OPERATOR } }),
    status: 302,
    expected: expect.objectContaining({ document: OPERATOR, status: 'VERIFIED' }),
    missing: () => ({ params: { key: STRANGER } }),
  },
  getBiometrics: {
    call: () => ({ params: { tguid: theirs.remote } }),
    expected: expect.objectContaining({ index: 10, content: portrait('bia', 1) }),
    missing: wellFormed.getBiometrics,
  },
  getStatus: { call: () => ({}), expected: { data: expect.objectContaining({ psbioStatus: 'ACTIVE' }) } },
  deprecatedLatestVersion: { call: () => ({}), expected: '"4.2.12"' },
  deprecatedAuthenticate: {
    call: wellFormed.deprecatedAuthenticate,
    expected: expect.stringMatching(/^"[0-9a-f-]{36}"$/),
  },
  deprecatedUpdateVersion: { call: () => ({}), expected: expect.stringContaining('for windows') },
  deprecatedGetOperator: {
    call: () => inSession({ key: OPERATOR }),
    expected: expect.objectContaining({ status: 'VERIFIED' }),
    missing: () => inSession({ key: STRANGER }),
  },
  deprecatedGetEnrollResult: {
    call: () => inSession({ transactionGuid: theirs.enrol }),
    expected: expect.objectContaining({ status: expect.stringMatching(/^ENROLL_/) }),
    missing: () => inSession({ transactionGuid: randomUUID() }),
  },
  deprecatedOperatorList: { call: () => ({}), expected: [expect.objectContaining({ document: OPERATOR })] },
  deprecatedGetPerson: {
    call: () => inSession({ key: SOMEBODY }),
    expected: expect.objectContaining({ person: expect.objectContaining({ userId: SOMEBODY }) }),
    missing: () => inSession({ key: STRANGER }),
  },
  deprecatedGetSearchResult: {
    call: () => inSession({ transactionGuid: theirs.search }),
    expected: expect.objectContaining({ status: expect.stringMatching(/^SEARCH_/) }),
    missing: () => inSession({ transactionGuid: randomUUID() }),
  },
  deprecatedPing: { call: () => ({}), expected: 'Cluster Proxy is running' },
  deprecatedGetOperatorStatus: {
    call: () => inSession({ key: OPERATOR }),
    expected: expect.objectContaining({ status: 'VERIFIED' }),
    missing: () => inSession({ key: STRANGER }),
  },
  deprecatedIdnSearch: { call: () => ({ query: { idn: idnOf(SOMEBODY) } }), expected: '"ENROLLED"' },
  deprecatedCloseSession: {
    call: async () => ({ body: JSON.stringify(await openSession()) }),
    expected: expect.objectContaining({ status: 'OK' }),
  },
  deprecatedCheckStatus: { call: () => ({}), expected: '"ACTIVE"' },
};
const passedOn = Object.keys(cases) as PassedOn[];
const names = Object.keys(spidServerOperations) as SpidServerOperationName[];
const writes = names.filter(isSpidWrite);

describe('the routes', () => {
  it('are the 49 operations: passed on, or durable', () => {
    expect(names).toHaveLength(49);
    expect([...passedOn, ...writes, 'enroll', 'verify'].sort()).toEqual([...names].sort());
  });

  it.each(names)('%s needs a system’s key', async (name) => {
    const tries: [string, number][] = [
      ['', 401],
      ['ak_wrong', 401],
      [gateway.station.key, 403],
      [gateway.administrator.key, 403],
    ];
    gateway.spid.received.clear();
    for (const [key, status] of tries) {
      const refused = await refusalOf(await callFace(gateway, name, wellFormed[name](), { key }));
      expect(refused).toEqual([status, 'SECURITY_ERROR' satisfies ErrorType]);
    }
    expect(gateway.spid.received.of()).toEqual([]);
  });
});

describe.each(passedOn)('%s', (name) => {
  const row: SpidServerOperation = spidServerOperations[name];
  const subject = cases[name];
  const call = async () => callFace(gateway, name, await subject.call());

  it('answers as the upstream does', async () => {
    const asked = await subject.call();
    const response = await callFace(gateway, name, asked);
    expect(response.status).toBe(subject.status ?? 200);
    const text = await response.text();
    const type = response.headers.get('content-type');
    expect(row.answer.form === 'json' ? JSON.parse(text) : text).toEqual(subject.expected);
    if (row.answer.form === 'report') expect(type).toBe('application/pdf');
    if (row.writes) return;
    const direct = await fetch(`${gateway.spid.url}${targetOf(name, asked)}`, { redirect: 'manual' });
    const same = await direct.text();
    expect(direct.status).toBe(response.status);
    expect(type?.split(';')[0]).toBe(direct.headers.get('content-type')?.split(';')[0]);
    // A report has the time of its making in it.
    if (row.answer.form !== 'report') expect(text).toBe(same);
  });

  it('says so when the upstream is away, or does not take us', async () => {
    const { behaviours } = gateway.spid;
    const asked = await subject.call();
    const again = () => callFace(gateway, name, asked);
    behaviours.down = 'unavailable';
    expect(await refusalOf(await again())).toEqual([503, 'PROCESSING_ERROR']);
    behaviours.down = undefined;
    const faults = [
      { type: 'status', status: 401 },
      // Of the deprecated family that is about the caller's session.
      ...(row.deprecated ? [] : [{ type: 'status', status: 403 } as const]),
      { type: 'status', status: 503 },
      { type: 'drop-before-read' },
    ] as const;
    for (const fault of faults) {
      behaviours.add({ operation: name, fault, times: 1 });
      expect(await refusalOf(await again()), JSON.stringify(fault)).toEqual([503, 'PROCESSING_ERROR']);
    }
    behaviours.add({ operation: name, fault: { type: 'drop-after-accept' }, times: 1 });
    expect(await refusalOf(await call())).toEqual([503, 'PROCESSING_ERROR']);
  });

  it.each([400, ...(row.deprecated ? [403] : []), 404, 409, 415, 422, 500])(
    'repeats the upstream’s %i as it came',
    async (status) => {
      const fault = { type: 'status', status, code: 'PROCESSING_ERROR' } as const;
      gateway.spid.behaviours.add({ operation: name, fault, times: 1 });
      const response = await call();
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({
        errors: [{ type: 'PROCESSING_ERROR', message: 'simulated' }],
        type: 'PROCESSING_ERROR',
      });
    },
  );
});

it.each(passedOn.filter((name) => cases[name].missing))('%s says what is not there', async (name) => {
  const missing = cases[name].missing?.() ?? {};
  expect(await refusalOf(await callFace(gateway, name, missing))).toEqual([404, 'PROCESSING_ERROR']);
});

const isWholeJson = ({ answer }: SpidServerOperation) => answer.form === 'json' && !answer.optional;
it.each(passedOn.filter((name) => isWholeJson(spidServerOperations[name])))(
  '%s is not repeated by half',
  async (name) => {
    gateway.spid.behaviours.add({ operation: name, fault: { type: 'malformed-json' }, times: 1 });
    const call = await cases[name].call();
    expect(await refusalOf(await callFace(gateway, name, call))).toEqual([503, 'PROCESSING_ERROR']);
  },
);

/** Forgets what was accepted: each case is the first of its kind. */
const anew = async () => {
  const { key } = await issueSystemKey(gateway.context.db, 'another system');
  return { key };
};
const lastOf = async (operation: SpidWrite) => {
  const { rows } = await gateway.context.db.query<{ id: string }>(
    'select id from transactions where operation = $1 order by accepted_at desc limit 1',
    [operation],
  );
  const row = await getTransaction(gateway.context.db, rows[0]?.id ?? '');
  if (!row) throw new Error(`no ${operation} was accepted`);
  return row;
};

describe.each(writes)('%s', (name) => {
  it('is on disk before anything is sent, and its caller is told to come again', async () => {
    const key = await anew();
    const response = await shortly(() => callFace(gateway, name, wellFormed[name](), key));
    const row = await lastOf(name);
    expect(row).toMatchObject({ kind: spidWriteKinds[name], operation: name, state: 'accepted', verdict: undefined });
    if (row.kind === 'spid.delete' || row.kind === 'spid.redirect') {
      const status = row.kind === 'spid.delete' ? 'DELETE_PENDING' : 'SEARCH_PENDING';
      expect([response.status, await response.json()]).toEqual([200, { id: row.id, status }]);
    } else {
      expect(response.headers.get('retry-after')).toBe('10');
      expect(await refusalOf(response)).toEqual([503, 'PROCESSING_ERROR']);
    }
  });

  it('takes a key for its request, of 200 characters at most', async () => {
    const key = await anew();
    const tooLong = { ...key, headers: { 'idempotency-key': 'x'.repeat(201) } };
    expect(await refusalOf(await callFace(gateway, name, wellFormed[name](), tooLong))).toEqual([
      400,
      'VALIDATION_ERROR',
    ]);
    const long = { ...key, headers: { 'idempotency-key': 'x'.repeat(200) } };
    const { status } = await shortly(() => callFace(gateway, name, wellFormed[name](), long));
    expect([200, 503]).toContain(status);
  });
});

describe('the ids of our transactions', () => {
  const refused = async (name: SpidServerOperationName, call: FaceCall, key = gateway.system.key) =>
    refusalOf(await shortly(() => callFace(gateway, name, call, { key })));
  /** Everything that takes the id of a transaction of this kind. */
  const uses: Record<string, (id: string) => [SpidServerOperationName, FaceCall][]> = {
    'an enrolment': (id) => [
      ['redirectEnroll', { params: { guid: id } }],
      ['generateReport', { params: { tguid: id } }],
      ['getTransactionData', { params: { tguid: id } }],
    ],
    'a remote capture': (id) => [
      ['finishRemoteCapture', { params: { tguid: id }, body: { approval: true } }],
      ['notificationRemoteCapture', { body: { guid: id } }],
      ['getBiometrics', { params: { tguid: id } }],
      ['getTransactionData', { params: { tguid: id } }],
    ],
  };
  const accept: Record<string, () => Promise<string>> = {
    async 'an enrolment'() {
      const response = await callFace(gateway, 'enroll', { body: submissionOf('ours').json });
      return ((await response.json()) as { id: string }).id;
    },
    async 'a remote capture'() {
      const headers = { 'idempotency-key': randomUUID() };
      await shortly(() => callFace(gateway, 'createRemoteEnroll', wellFormed.createRemoteEnroll(), { headers }));
      return (await lastOf('createRemoteEnroll')).id;
    },
  };

  it.each(Object.keys(uses))('%s that the upstream has not taken is 409, and somebody else’s is 404', async (what) => {
    const id = await (accept[what] as () => Promise<string>)();
    const { key } = await issueSystemKey(gateway.context.db, 'a stranger');
    gateway.spid.received.clear();
    for (const [name, call] of uses[what]?.(id) ?? []) {
      expect(await refused(name, call), name).toEqual([409, 'PROCESSING_ERROR']);
      expect(await refused(name, call, key), name).toEqual([404, 'PROCESSING_ERROR']);
    }
    for (const name of ['getEnrollResult', 'getTransactionGuid'] as const) {
      const call = { params: { id, guid: id } };
      expect((await callFace(gateway, name, call)).status, name).toBe(200);
      expect(await refused(name, call, key), name).toEqual([404, 'PROCESSING_ERROR']);
    }
    expect(gateway.spid.received.of()).toEqual([]);
  });

  it('stand for their own kind alone', async () => {
    const [enrolment, remote] = [await accept['an enrolment']?.(), await accept['a remote capture']?.()] as string[];
    await shortly(() => callFace(gateway, 'operatorInsert', wellFormed.operatorInsert()));
    const command = (await lastOf('operatorInsert')).id;
    const wrong: [SpidServerOperationName, FaceCall][] = [
      ['finishRemoteCapture', { params: { tguid: enrolment as string }, body: { approval: true } }],
      ['notificationRemoteCapture', { body: { guid: enrolment } }],
      ['getBiometrics', { params: { tguid: enrolment as string } }],
      ['getDeleteResult', { params: { id: remote as string } }],
      ['getSearchResult', { params: { tguid: remote as string } }],
      ['getTransactionGuid', { params: { guid: command } }],
      ['redirectEnroll', { params: { guid: command } }],
    ];
    gateway.spid.received.clear();
    for (const [name, call] of wrong) expect(await refused(name, call), name).toEqual([404, 'PROCESSING_ERROR']);
    expect(gateway.spid.received.of()).toEqual([]);
  });

  it('a deletion and a redirection answer under them', async () => {
    const asked = await shortly(() => callFace(gateway, 'deletePerson', wellFormed.deletePerson()));
    const { id } = (await asked.json()) as { id: string };
    const result = async () => (await callFace(gateway, 'getDeleteResult', { params: { id } })).json();
    expect(await result()).toEqual({ id, status: 'DELETE_PENDING' });
    const claimed = await applyEvent(gateway.context.db, await lastOf('deletePerson'), { type: 'claimed' });
    if (!claimed) throw new Error('it was claimed by somebody else');
    await applyEvent(gateway.context.db, claimed, {
      type: 'taken',
      upstreamId: 'u-1',
      upstreamStatus: 'DELETE_SOMEHOW',
    });
    expect(await result()).toEqual({ id, status: 'DELETE_SOMEHOW' });
    const byGuid = await callFace(gateway, 'getTransactionGuid', { params: { guid: id } });
    expect(await byGuid.json()).toEqual({ id, status: 'DELETE_SOMEHOW', type: 'DELETE' });
  });
});

describe('the typed client', () => {
  it('takes the face for a SPID Server', async () => {
    const client = createSpidServerClient({ url: gateway.url, bearer: gateway.system.key });
    try {
      const submitted = await client.call('enroll', { body: submissionOf('typed').json });
      expect(submitted).toMatchObject({ kind: 'done', value: { status: 'ENROLL_PENDING' } });
      const id = submitted.kind === 'done' ? submitted.value.id : '';
      expect(await client.result('spid.enroll', id)).toMatchObject({ kind: 'ok', value: { final: false } });
      expect(await client.result('spid.verify', id)).toEqual({ kind: 'not-found' });
      expect(await client.call('getTransactionGuid', { params: { guid: id } })).toMatchObject({
        value: { type: 'ENROLL' },
      });
      expect(await client.operator(OPERATOR as Cpf)).toMatchObject({
        value: { found: true, payload: { status: 'VERIFIED' } },
      });
      expect(await client.person(STRANGER as Cpf)).toEqual({ kind: 'ok', value: { registered: false } });
      expect(await client.report(theirs.search)).toMatchObject({ kind: 'ok' });
      const refused = await client.call('enroll', { body: submissionOf('typed', { userId: '1' }).json });
      expect(refused).toMatchObject({ kind: 'refused', reason: 'bad-request', upstreamCode: 'VALIDATION_ERROR' });
    } finally {
      await client.close();
    }
  });

  it('is told by its key alone', async () => {
    const client = createSpidServerClient({ url: gateway.url, bearer: 'ak_wrong' });
    expect(await client.call('getStatus')).toMatchObject({ reason: 'unauthorized', upstreamCode: 'SECURITY_ERROR' });
    await client.close();
  });
});

it('logs no path', async () => {
  expect(gateway.logged()).toContain('/gbs-spid-server/people/:key');
  for (const secret of [SOMEBODY, STRANGER, OPERATOR, theirs.search]) expect(gateway.logged()).not.toContain(secret);
});
