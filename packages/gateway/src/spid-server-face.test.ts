import { randomUUID } from 'node:crypto';
import type { errorTypes } from '@atesto/shared/contracts/spid-server';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { createSpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portrait } from '../../../test/contract/spid-house.ts';
import type { TestGateway } from './gateway.fixture.ts';
import { OPERATOR, SOMEBODY, startTestGateway } from './gateway.fixture.ts';
import { routedSpidOperations, unroutedSpidOperations } from './routes/spid-server-face.ts';
import { refusalOf, submissionOf } from './spid-server-face.fixture.ts';

const STRANGER = '11144477735';
const root = '/gbs-spid-server';

let gateway: TestGateway;
/** Ids that the upstream gave to somebody who asked it directly. */
const theirs = { enrol: '', search: '', deletion: '', remote: '' };
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
});
afterAll(() => gateway?.close());

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

const call = (method: string, path: string, key: string | undefined = gateway.system.key, body?: string) =>
  fetch(`${gateway.url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });
type ErrorType = (typeof errorTypes)[number];

interface Case {
  path(): string;
  body?: () => string;
  /** Of the success; 200 unless it says otherwise. */
  status?: number;
  /** The success: JSON, or text where it is none. */
  expected: unknown;
  /** Paths that are refused as they are. */
  bad?: readonly string[];
  missing?: string;
}

const noId = ['not%20an%20id', 'a%2Fb'];
const noCpf = ['12345678900', '11111111111', '123.456.789-09', 'somebody'];
const under = (path: string, last: readonly string[]) => last.map((one) => `${root}/${path}/${one}`);
const nothing = (path: string) => `${root}/${path}/${randomUUID()}`;

const cases: Partial<Record<SpidServerOperationName, Case>> = {
  getDeleteResult: {
    path: () => `${root}/delete/${theirs.deletion}`,
    expected: expect.objectContaining({ status: 'DELETE_OK' }),
    bad: under('delete', noId),
    missing: nothing('delete'),
  },
  enroll: {
    path: () => `${root}/people`,
    body: () => submissionOf('case').text,
    expected: { id: expect.any(String), status: 'ENROLL_PENDING' },
  },
  getEnrollResult: {
    path: () => `${root}/people/transactions/${theirs.enrol}`,
    expected: expect.objectContaining({ status: expect.stringMatching(/^ENROLL_/) }),
    bad: under('people/transactions', noId),
    missing: nothing('people/transactions'),
  },
  getPerson: {
    path: () => `${root}/people/${SOMEBODY}`,
    expected: expect.objectContaining({ 'enroll-status': 'ENROLLED' }),
    bad: under('people', noCpf),
    missing: `${root}/people/${STRANGER}`,
  },
  generateReport: {
    path: () => `${root}/report/${theirs.search}`,
    expected: expect.stringMatching(/^%PDF-/),
    bad: under('report', noId),
    missing: nothing('report'),
  },
  verify: {
    path: () => `${root}/verify`,
    body: () => submissionOf('case').text,
    expected: { id: expect.any(String), status: 'SEARCH_PENDING' },
  },
  getSearchResult: {
    path: () => `${root}/verify/${theirs.search}`,
    expected: expect.objectContaining({ status: expect.stringMatching(/^SEARCH_/) }),
    bad: under('verify', noId),
    missing: nothing('verify'),
  },
  getTransactionGuid: {
    path: () => `${root}/transaction/${theirs.search}`,
    expected: expect.objectContaining({ type: 'SEARCH' }),
    bad: under('transaction', noId),
    missing: nothing('transaction'),
  },
  getTransactionData: {
    path: () => `${root}/transaction/biometrics/${theirs.search}`,
    expected: expect.objectContaining({ userId: SOMEBODY, operatorId: OPERATOR }),
    bad: under('transaction/biometrics', noId),
    missing: nothing('transaction/biometrics'),
  },
  getPersonTransactionData: {
    path: () => `${root}/transaction/people/${SOMEBODY}`,
    expected: expect.objectContaining({ userId: SOMEBODY }),
    bad: under('transaction/people', noCpf),
    missing: `${root}/transaction/people/${OPERATOR}`,
  },
  getClientVersion: { path: () => `${root}/client-version`, expected: expect.stringContaining('4.2.12') },
  getFile: {
    path: () => `${root}/client-update?os=linux`,
    expected: expect.stringContaining('for linux'),
    bad: [`${root}/client-update?os=linux&os=windows`],
  },
  operatorList: {
    path: () => `${root}/operator/list`,
    expected: [expect.objectContaining({ document: OPERATOR, status: 'VERIFIED' })],
  },
  getOperator: {
    path: () => `${root}/operator/${OPERATOR}`,
    status: 302,
    expected: expect.objectContaining({ document: OPERATOR, status: 'VERIFIED' }),
    bad: under('operator', noCpf),
    missing: `${root}/operator/${STRANGER}`,
  },
  getBiometrics: {
    path: () => `${root}/remote-capture/biometrics/${theirs.remote}`,
    expected: expect.objectContaining({ index: 10, content: portrait('bia', 1) }),
    bad: under('remote-capture/biometrics', noId),
    missing: nothing('remote-capture/biometrics'),
  },
  getStatus: {
    path: () => `${root}/status`,
    expected: { data: expect.objectContaining({ psbioStatus: 'ACTIVE' }) },
  },
};

describe('the routes', () => {
  it('are the current reads and the two submissions, each with a case here; the others are named', () => {
    expect(Object.keys(cases).sort()).toEqual([...routedSpidOperations].sort());
    const others = [...unroutedSpidOperations].sort();
    const rows = Object.entries(spidServerOperations);
    expect(others).toEqual(
      rows
        .filter(([name, row]) => row.deprecated || (row.writes && name !== 'enroll' && name !== 'verify'))
        .map(([name]) => name)
        .sort(),
    );
  });

  it.each(unroutedSpidOperations)('%s is not there yet, and says so in the vendor’s form', async (name) => {
    const { method, path } = spidServerOperations[name];
    const at = path.replaceAll(/\{(\w+)\}/g, (_, variable: string) => (variable === 'mot' ? 'E' : SOMEBODY));
    gateway.spid.received.clear();
    expect(await refusalOf(await call(method, at))).toEqual([404, 'PROCESSING_ERROR']);
    expect(gateway.spid.received.of()).toEqual([]);
  });
});

describe.each(routedSpidOperations)('%s', (name) => {
  const row = spidServerOperations[name];
  const subject = cases[name] as Case;

  it('answers as the upstream does', async () => {
    // No worker works here: a search is not held for the whole of its time.
    const { waitMsMax } = gateway.context.limits;
    gateway.context.limits.waitMsMax = 50;
    const response = await call(row.method, subject.path(), undefined, subject.body?.());
    gateway.context.limits.waitMsMax = waitMsMax;
    expect(response.status).toBe(subject.status ?? 200);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    expect(isJson && row.answer.form === 'json' ? JSON.parse(text) : text).toEqual(subject.expected);
    if (row.answer.form === 'report') expect(response.headers.get('content-type')).toBe('application/pdf');
    if (row.writes) return;
    const direct = await fetch(`${gateway.spid.url}${subject.path()}`, { redirect: 'manual' });
    const same = Buffer.from(await direct.arrayBuffer()).toString();
    expect(direct.status).toBe(response.status);
    // A report has the time of its making in it.
    if (row.answer.form === 'json') expect(text).toBe(same);
  });

  it('refuses what is not in its form, and asks nobody', async () => {
    for (const path of subject.bad ?? []) {
      gateway.spid.received.clear();
      expect(await refusalOf(await call(row.method, path)), path).toEqual([400, 'VALIDATION_ERROR']);
      expect(gateway.spid.received.of()).toEqual([]);
    }
  });

  it('says what is not there', async () => {
    if (!subject.missing) return;
    expect(await refusalOf(await call(row.method, subject.missing))).toEqual([404, expect.any(String)]);
  });

  it('needs a system’s key', async () => {
    const tries: [string, number][] = [
      ['', 401],
      ['ak_wrong', 401],
      [gateway.station.key, 403],
      [gateway.administrator.key, 403],
    ];
    for (const [key, status] of tries) {
      const refused = await refusalOf(await call(row.method, subject.path(), key, subject.body?.()));
      expect(refused).toEqual([status, 'SECURITY_ERROR' satisfies ErrorType]);
    }
  });

  it('says so when the upstream is away, or does not take us', async () => {
    if (row.writes) return;
    gateway.spid.behaviours.down = 'unavailable';
    expect(await refusalOf(await call(row.method, subject.path()))).toEqual([503, 'PROCESSING_ERROR']);
    gateway.spid.behaviours.down = undefined;
    const faults = [
      { type: 'status', status: 401 },
      { type: 'status', status: 503 },
      { type: 'drop-before-read' },
      { type: 'drop-after-accept' },
    ] as const;
    for (const fault of faults) {
      gateway.spid.behaviours.add({ operation: name, fault, times: 1 });
      expect(await refusalOf(await call(row.method, subject.path())), fault.type).toEqual([503, 'PROCESSING_ERROR']);
    }
    gateway.spid.behaviours.add({ operation: name, fault: { type: 'status', status: 422 }, times: 1 });
    expect((await refusalOf(await call(row.method, subject.path())))[0]).toBe(422);
    if (row.answer.form !== 'json' || ('optional' in row.answer && row.answer.optional)) return;
    gateway.spid.behaviours.add({ operation: name, fault: { type: 'malformed-json' }, times: 1 });
    expect(await refusalOf(await call(row.method, subject.path()))).toEqual([503, 'PROCESSING_ERROR']);
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
