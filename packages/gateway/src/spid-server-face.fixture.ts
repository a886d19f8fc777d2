import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { errorResponse } from '@atesto/shared/contracts/spid-server';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { fillPath } from '@atesto/shared/contracts/spid-server-params';
import type { TestGateway } from './gateway.fixture.ts';
import { OPERATOR, pictureOf, SOMEBODY } from './gateway.fixture.ts';

let clock = 1_732_147_200_000;

/** A submission of SPID Server's form, about another capture each time, in a form that no serialiser of ours would give. */
export function submissionOf(marker: string, change: object = {}, biometric: object = {}) {
  clock += 1;
  const content = pictureOf(marker).toString('base64');
  const json = {
    data: {
      biometrics: [{ index: 6, content, width: 1, height: 1, resolution: 500, ...biometric }],
      missingBiometrics: [{ index: 3, type: 'AMPUTATED', reason: 'text' }],
      userId: SOMEBODY,
      operatorId: OPERATOR,
      timestamp: clock,
      ...change,
    },
  };
  return { json, text: JSON.stringify(json, undefined, 3) };
}

/** Status and type of an answer that has to be an `ErrorResponse`. */
export async function refusalOf(response: Response): Promise<[number, string]> {
  return [response.status, errorResponse.parse(await response.json()).type];
}

/** What an accepted submission leaves: rows, jobs, files of the vault. */
export async function countsOf(gateway: TestGateway) {
  const { rows } = await gateway.context.db.query(
    `select (select count(*)::int from transactions) as transactions, (select count(*)::int from bullmq.job) as jobs`,
  );
  const files = await readdir(gateway.vaultDir, { recursive: true, withFileTypes: true });
  return { ...rows[0], files: files.filter((entry) => entry.isFile()).length };
}

/** What a caller of the face sends besides its key. */
export interface FaceCall {
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
}

/** Where a call goes, below the gateway's root. */
export function targetOf(name: SpidServerOperationName, { params = {}, query = {} }: FaceCall): string {
  const search = new URLSearchParams(query).toString();
  return `${fillPath(spidServerOperations[name].path, params)}${search && `?${search}`}`;
}

/** Makes a call of the face. A body that is text is sent as it is. */
export function callFace(
  { url, system }: Pick<TestGateway, 'url' | 'system'>,
  name: SpidServerOperationName,
  call: FaceCall,
  { key = system.key, headers = {} }: { key?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const { body } = call;
  return fetch(`${url}${targetOf(name, call)}`, {
    method: spidServerOperations[name].method,
    redirect: 'manual',
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

const picture = () => pictureOf('face').toString('base64');
const byId = () => ({ id: randomUUID(), guid: randomUUID(), tguid: randomUUID() });
const inSession = () => ({ sessionGuid: randomUUID(), transactionGuid: randomUUID(), key: SOMEBODY, cpf: SOMEBODY });
const remote = { clientID: SOMEBODY, operatorID: OPERATOR, clientEmail: 'somebody@example.com' };
const remoteQuery = {
  'data.clientID': SOMEBODY,
  'data.operatorID': OPERATOR,
  'data.clientEmail': 'somebody@example.com',
};
const contents = () => [{ index: 6, content: picture() }];
const keys = [{ name: 'cpf', value: SOMEBODY }];

/** A call of every operation that is right in its form and says no more than it must; nobody need know whom it names. */
export const wellFormed: Record<SpidServerOperationName, () => FaceCall> = {
  deletePerson: () => ({ params: { cpf: SOMEBODY } }),
  deletePSBioPerson: () => ({ params: { cpf: SOMEBODY, mot: 'E' } }),
  getDeleteResult: () => ({ params: byId() }),
  enroll: () => ({ body: submissionOf('well-formed').json }),
  getEnrollResult: () => ({ params: byId() }),
  getPerson: () => ({ params: { key: SOMEBODY } }),
  generateReport: () => ({ params: byId() }),
  verify: () => ({ body: submissionOf('well-formed').json }),
  getSearchResult: () => ({ params: byId() }),
  getTransactionGuid: () => ({ params: byId() }),
  getTransactionData: () => ({ params: byId() }),
  getPersonTransactionData: () => ({ params: { cpf: SOMEBODY } }),
  redirectEnroll: () => ({ params: byId() }),
  getClientVersion: () => ({}),
  getFile: () => ({ query: { os: 'linux' } }),
  operatorList: () => ({}),
  getOperator: () => ({ params: { key: OPERATOR } }),
  deleteOperator: () => ({ params: { key: OPERATOR } }),
  operatorInsert: () => ({ body: { data: { document: SOMEBODY } } }),
  enrollOperator: () => ({
    body: {
      data: {
        document: SOMEBODY,
        biometrics: [{ index: 6, content: picture(), width: 1, height: 1, resolution: 500 }],
      },
    },
  }),
  createRemoteVerify: () => ({ body: { data: remote } }),
  createRemoteEnroll: () => ({ body: { data: remote } }),
  createRemoteCapture: () => ({ body: { data: remote } }),
  getBiometrics: () => ({ params: byId() }),
  finishRemoteCapture: () => ({ params: byId(), body: { approval: true } }),
  notificationRemoteCapture: () => ({ body: { guid: randomUUID() } }),
  faceDetect: () => ({ body: { userId: SOMEBODY, operatorId: OPERATOR, image: picture() } }),
  getStatus: () => ({}),
  updateToken: () => ({ body: { token: 'new' } }),
  deprecatedLatestVersion: () => ({}),
  deprecatedAuthenticate: () => ({ body: '"user:password"' }),
  deprecatedDeletePerson: () => ({ params: inSession() }),
  deprecatedUpdateVersion: () => ({}),
  deprecatedSearch: () => ({
    body: { operator: OPERATOR, timestamp: 1_732_147_200_000, keys, biometrics: contents() },
  }),
  deprecatedGetOperator: () => ({ params: inSession() }),
  deprecatedGetEnrollResult: () => ({ params: inSession() }),
  deprecatedOperatorList: () => ({}),
  deprecatedEnrollOperator: () => ({ body: { 'session-guid': randomUUID(), keys, biometrics: contents() } }),
  deprecatedGetPerson: () => ({ params: inSession() }),
  deprecatedOperatorInsert: () => ({ params: { document: SOMEBODY, status: 'PENDING' } }),
  deprecatedGetSearchResult: () => ({ params: inSession() }),
  deprecatedPing: () => ({}),
  deprecatedGetOperatorStatus: () => ({ params: inSession() }),
  deprecatedIdnSearch: () => ({ query: { idn: '1234567890' } }),
  deprecatedEnrollClient: () => ({
    body: { 'session-guid': randomUUID(), operator: OPERATOR, keys, biometrics: contents() },
  }),
  deprecatedCloseSession: () => ({ body: `"${randomUUID()}"` }),
  deprecatedCheckStatus: () => ({}),
  deprecatedCreateRemoteCaptureEnrollUsingPOST: () => ({ query: remoteQuery }),
  deprecatedCreateRemoteCaptureUsingPOST_1: () => ({ query: remoteQuery }),
};
