import * as z from 'zod';
import { remoteCaptureResponse } from './spid-server.ts';
import { eightErrors, SPID_SERVER_BASE, type SpidServerOperation } from './spid-server-operation.ts';
import {
  jsonString,
  sessionEnrollClientRequest,
  sessionEnrollRequest,
  sessionSearchRequest,
  transactionResult,
} from './spid-server-session.ts';

const cluster = `${SPID_SERVER_BASE}/service/cluster` as const;

const base = { errors: eightErrors, deprecated: true, success: [200] } as const;
/** Of three operations the path is published; the others have one in their style. */
const known = { ...base, retry: 'repeat', writes: false, provisional: false } as const;
const read = { ...known, provisional: true } as const;
const write = { ...read, retry: 'ask', askBy: 'getPersonTransactionData', writes: true } as const;

const result = { form: 'json', schema: transactionResult } as const;
const text = { form: 'text' } as const;
/** "array": its entries are not published. */
const list = { form: 'json', schema: z.array(z.record(z.string(), z.unknown())) } as const;

/** `RemoteCaptureRequest` as query parameters, in the dotted form in which Spring binds a nested object. */
const remoteQuery = z.object({
  'data.clientID': z.string(),
  'data.operatorID': z.string(),
  'data.clientEmail': z.string(),
});

/** The older family: a session's GUID in the path or the body. The installed SPID Client still points at its prefix. */
export const deprecatedOperations = {
  deprecatedLatestVersion: { ...known, method: 'GET', path: `${cluster}/latest-version`, answer: text },
  /** A session more does no harm. */
  deprecatedAuthenticate: {
    ...known,
    writes: true,
    method: 'POST',
    path: `${cluster}/authenticate`,
    request: jsonString,
    answer: text,
  },
  /** A deletion by GET. */
  deprecatedDeletePerson: {
    ...write,
    provisional: false,
    method: 'GET',
    path: `${cluster}/delete/{sessionGuid}/{cpf}`,
    answer: result,
  },
  deprecatedUpdateVersion: {
    ...read,
    method: 'GET',
    path: `${cluster}/update-version`,
    answer: { form: 'file' },
    inferred: ['answer'],
  },
  deprecatedSearch: {
    ...write,
    method: 'POST',
    path: `${cluster}/search`,
    request: sessionSearchRequest,
    answer: result,
    inferred: ['request'],
  },
  deprecatedGetOperator: { ...read, method: 'GET', path: `${cluster}/operator/{sessionGuid}/{key}`, answer: result },
  deprecatedGetEnrollResult: {
    ...read,
    method: 'GET',
    path: `${cluster}/enroll-result/{sessionGuid}/{transactionGuid}`,
    answer: result,
  },
  deprecatedOperatorList: {
    ...read,
    method: 'GET',
    path: `${cluster}/operator-list`,
    answer: list,
    inferred: ['answer'],
  },
  deprecatedEnrollOperator: {
    ...write,
    askBy: 'getOperator',
    method: 'POST',
    path: `${cluster}/enroll-operator`,
    request: sessionEnrollRequest,
    answer: result,
    inferred: ['request'],
  },
  deprecatedGetPerson: { ...read, method: 'GET', path: `${cluster}/person/{sessionGuid}/{key}`, answer: result },
  deprecatedOperatorInsert: {
    ...write,
    askBy: 'getOperator',
    method: 'POST',
    path: `${cluster}/operator-insert/{document}/{status}`,
    answer: list,
    inferred: ['answer'],
  },
  deprecatedGetSearchResult: {
    ...read,
    method: 'GET',
    path: `${cluster}/search-result/{sessionGuid}/{transactionGuid}`,
    answer: result,
  },
  /** From a bank's monitoring script, which expects the text `Cluster Proxy is running`. */
  deprecatedPing: { ...read, method: 'GET', path: cluster, answer: text },
  deprecatedGetOperatorStatus: {
    ...read,
    method: 'GET',
    path: `${cluster}/operator-status/{sessionGuid}/{key}`,
    answer: result,
  },
  deprecatedIdnSearch: {
    ...read,
    method: 'GET',
    path: `${cluster}/idn-search`,
    query: z.object({ idn: z.string().min(1) }),
    answer: text,
  },
  deprecatedEnrollClient: {
    ...write,
    method: 'POST',
    path: `${cluster}/enroll-client`,
    request: sessionEnrollClientRequest,
    answer: result,
    inferred: ['request'],
  },
  /** Closing twice does no harm. */
  deprecatedCloseSession: {
    ...read,
    writes: true,
    method: 'POST',
    path: `${cluster}/close-session`,
    request: jsonString,
    answer: result,
  },
  deprecatedCheckStatus: { ...read, method: 'GET', path: `${cluster}/check-status`, answer: text },
  deprecatedCreateRemoteCaptureEnrollUsingPOST: {
    ...read,
    writes: true,
    method: 'POST',
    path: `${cluster}/remote-capture/enroll`,
    query: remoteQuery,
    answer: { form: 'json', schema: remoteCaptureResponse },
    inferred: ['request', 'answer'],
  },
  deprecatedCreateRemoteCaptureUsingPOST_1: {
    ...read,
    writes: true,
    method: 'POST',
    path: `${cluster}/remote-capture`,
    query: remoteQuery,
    answer: { form: 'json', schema: remoteCaptureResponse },
    inferred: ['request', 'answer'],
  },
} as const satisfies Record<string, SpidServerOperation>;
