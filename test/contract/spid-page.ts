import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { isSpidWrite } from '@atesto/shared/contracts/spid-server-writes';
import {
  type CaptureStatusWord,
  captureStatuses,
  loginStatuses,
  SPID_SERVICES_BASE,
  type SpidServicesCall,
  type SpidServicesRoute,
  spidServicesRoutes,
} from '@atesto/shared/contracts/spid-services';
import type { SpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { createHandlers } from '@atesto/simulators/spid-server/handlers';
import { spidCases } from './spid-cases.ts';

/** Rows of the tables of `docs/spid.md`. A call without a text does not compile. */

type Cells = readonly string[];

const code = (text: string) => `\`${text}\``;
const words = (some: readonly string[]) => some.map(code).join(' ');
const yes = (it: boolean) => (it ? 'yes' : 'no');

/** What Capture Status answers, `ERROR` aside, and which of it is ours. */
const capture = captureStatuses.filter((word) => word !== 'ERROR');
const ourCapture: readonly CaptureStatusWord[] = ['CLIENT_CAPTURE_CANCELLED', 'OPERATOR_CAPTURE_FAILED', 'IDLE'];
const sent = words(['CAPTURE_ENQUEUED', 'VERIFIED', 'SEARCH_PENDING']);
const upstreamWord = `the platform's own word; ${words(['ENROLL_PENDING', 'SEARCH_PENDING'])} until it gave one; ${code('CAPTURE_PENDING')} (provisional) while the station has it`;

/** `answers`: the words besides `ERROR`, which every call may answer. */
const services: Record<SpidServicesCall, { does: string; answers: string }> = {
  loginStatus: {
    does: 'What the last Login answered. Asks the server again while the login is an offline one.',
    answers: words(loginStatuses.filter((word) => word !== 'ERROR')),
  },
  login: {
    does: 'Logs an operator in. Another operator than before ends the session of that one and throws an open capture away.',
    answers: words(loginStatuses.filter((word) => word !== 'ERROR')),
  },
  logout: {
    does: 'Logs out and throws an open capture away, a complete one that was not sent too. What is being sent goes on.',
    answers: `${code('OK')} (provisional)`,
  },
  verify: {
    does: 'Asks the server for the person; a known one is captured at once. Needs the server.',
    answers: words(['CLIENT_CAPTURING', 'PERSON_NOT_FOUND']),
  },
  enroll: {
    does: 'Captures a person to be enrolled. Works while the server is away.',
    answers: code('CLIENT_CAPTURING'),
  },
  captureStatus: {
    does: 'How far the capture is: `finger`, `captured`, `wanted`, `message`; at the end `tguid` and `operatorVerification`.',
    answers: `${words(capture.filter((word) => !ourCapture.includes(word)))}; provisional: ${words(ourCapture)}`,
  },
  operatorCapture: {
    does: "Captures the operator's finger: after a client's capture for it; alone (online only) for one remote capture.",
    answers: code('OPERATOR_CAPTURING'),
  },
  captureCancel: {
    does: "Ends what is open at the reader: a client's capture as a whole; of an operator's capture only that, so that it can be made again. A complete package cannot be cancelled: send it, or log out.",
    answers: `${code('OK')} (provisional)`,
  },
  captureSend: {
    does: 'Sends the package. `VERIFIED` says that the verification was **processed**, not that it matched.',
    answers: sent,
  },
  captureResultById: {
    does: 'The result of one TGUID, of a remote enrolment too.',
    answers: upstreamWord,
  },
  captureResultByKey: {
    does: "The result of this station's latest transaction about a person, sent or not.",
    answers: upstreamWord,
  },
  captureReport: { does: "The platform's report.", answers: 'the PDF' },
  captureResend: {
    does: 'Sends one item that waits in the outbox, or takes up again what failed behind the gateway. Not what was never sent (Capture Send) or was refused.',
    answers: sent,
  },
  captureResendAll: {
    does: 'Everything that waits in the outbox, then everything of this station that failed behind the gateway. `count` says how many.',
    answers: `${code('OK')} (provisional)`,
  },
  captureList: {
    does: "A JSON **array**: the newest 100 items of the station's outbox, with `tguid`, `kind`, `status`, `createdAt`, `updatedAt`. An error is an object with `status`.",
    answers: 'in each item, what Capture Result by ID would say',
  },
  remoteVerify: {
    does: 'Asks for a link with which a person is captured on their own device, for a verification. Answers `url` and `tguid`.',
    answers: `${code('OK')} (provisional)`,
  },
  remoteEnroll: { does: 'The same for an enrolment.', answers: `${code('OK')} (provisional)` },
  remoteVerifyResultById: { does: 'The word on a remote verification.', answers: "the platform's own word" },
};

const calls = Object.entries(spidServicesRoutes) as [SpidServicesCall, SpidServicesRoute][];

export const serviceRouteHead: Cells = ['call', 'route', 'query', 'its route is'];
export const serviceRoutes: Cells[] = calls.map(([name, { method, path, query, provisional }]) => [
  code(name),
  code(`${method} ${SPID_SERVICES_BASE}${path}`),
  query ? 'missing fingers' : '',
  provisional ? '**provisional**' : 'published',
]);

export const serviceAnswerHead: Cells = ['call', 'what it does', 'status words'];
export const serviceAnswers: Cells[] = calls.map(([name]) => [code(name), services[name].does, services[name].answers]);

/** Methods of the client for operations whose answers need more than their schema. */
const methods: Partial<Record<SpidServerOperationName, keyof SpidServerClient>> = {
  enroll: 'submit',
  verify: 'submit',
  getEnrollResult: 'result',
  getSearchResult: 'result',
  getPersonTransactionData: 'findTransaction',
  getPerson: 'person',
  getOperator: 'operator',
  generateReport: 'report',
  getBiometrics: 'remoteBiometrics',
};

/** Who calls it of its own accord; the gateway's face serves them all. */
const users: Partial<Record<SpidServerOperationName, string>> = {
  enroll: 'workers',
  verify: 'workers',
  getEnrollResult: 'workers',
  getSearchResult: 'workers',
  getDeleteResult: 'workers',
  getPersonTransactionData: 'workers (reconciliation)',
  getTransactionGuid: 'workers (reconciliation)',
  getOperator: 'workers (reconciliation); gateway (look-up)',
  getPerson: 'gateway (look-up)',
  generateReport: 'gateway (report)',
  getBiometrics: 'gateway (remote captures)',
  createRemoteVerify: 'workers (remote captures)',
  createRemoteEnroll: 'workers (remote captures)',
  finishRemoteCapture: 'workers (remote captures)',
  redirectEnroll: 'workers (redirection)',
};
const isDurable = (name: SpidServerOperationName) => name === 'enroll' || name === 'verify' || isSpidWrite(name);

const operations = Object.entries(spidServerOperations) as [SpidServerOperationName, SpidServerOperation][];
// Handlers are made here for their names only.
const simulated = new Set(Object.keys(createHandlers({} as Parameters<typeof createHandlers>[0])));

export const operationHead: Cells = [
  'operation',
  'method',
  'path',
  'success',
  'when the answer is lost',
  'deprecated',
  'provisional',
  'client',
  'simulator',
  'contract test',
  'used today by',
];
export const operationRows: Cells[] = operations.map(([name, row]) => [
  code(name),
  row.method,
  code(row.path),
  row.success.join(', '),
  row.askBy === undefined ? row.retry : `${row.retry}: ${code(row.askBy)}`,
  yes(row.deprecated),
  yes(row.provisional),
  [`call('${name}')`, ...(methods[name] ? [methods[name]] : [])].map(code).join(', '),
  yes(simulated.has(name)),
  yes(Object.hasOwn(spidCases, name)),
  users[name] ?? '',
]);

const provisional = (some: readonly (readonly [string, { provisional: boolean }])[]) =>
  some.filter(([, row]) => row.provisional).length;
const deprecated = operations.filter(([, row]) => row.deprecated);
const current = operations.filter(([, row]) => !row.deprecated);

/** How many there are of each. */
export const spidCounts = `SPID Services has ${calls.length} calls, of which ${provisional(calls)} have provisional routes. SPID Server has ${operations.length} operations: ${current.length} current (${provisional(current)} provisional) and ${deprecated.length} deprecated (${provisional(deprecated)} provisional). The gateway's face serves them all, ${operations.filter(([name]) => isDurable(name)).length} of them durably.\n`;
