import { afterEach, describe, expect, it } from 'vitest';
import type { SpidWrite } from '../contracts/spid-server-writes.ts';
import { textBody } from './body.ts';
import { httpResponse, isWhole, startRawServer } from './raw-server.fixture.ts';
import { createSpidServerClient, type SpidServerClient } from './spid-server.ts';
import type { SubmitResult } from './upstream.ts';

let opened: { close(): Promise<void> }[] = [];
let heard = '';

/** A client whose server answers with `response`, or hangs up without one. */
async function answering(response: string | undefined): Promise<SpidServerClient> {
  const server = await startRawServer((socket, soFar) => {
    heard = soFar;
    if (response === undefined) socket.resetAndDestroy();
    else if (isWhole(soFar)) socket.end(response);
  });
  const client = createSpidServerClient({ url: server.url });
  opened.push(server, client);
  return client;
}
afterEach(async () => {
  for (const one of opened) await one.close();
  opened = [];
});

const person = textBody(JSON.stringify({ params: { cpf: '12345678909', mot: 'E' }, query: {} }));
const transaction = textBody(
  JSON.stringify({ params: { guid: 'g-1', tguid: 'g-1' }, query: {}, body: '{"approval":true}' }),
);
const body = textBody('{"data":{"document":"12345678909"}}');
const json = { 'content-type': 'application/json' };
const kept = (status: number, text = '') => ({
  status,
  ...(text ? { contentType: 'application/json' } : {}),
  body: text,
});
const completed = (status: number, text?: string): SubmitResult => ({
  kind: 'answered',
  outcome: { verdict: 'completed', upstreamStatus: `HTTP ${status}` },
  kept: kept(status, text),
});
const rejected = (status: number, text?: string): SubmitResult => ({
  kind: 'answered',
  outcome: { verdict: 'rejected', upstreamStatus: `HTTP ${status}` },
  kept: kept(status, text),
});
const unknown = (reason: string, httpStatus?: number) => ({
  kind: 'unknown',
  reason,
  ...(httpStatus ? { httpStatus } : {}),
});

const pending = (id: string, status: string) => JSON.stringify({ id, status });
const link = '{"tguid":"t-1","dynamicLink":"https://spid.example/x"}';
const refusal = '{"errors":[{"type":"PROCESSING_ERROR","message":"no"}],"type":"PROCESSING_ERROR"}';

const rows: [SpidWrite, typeof body, number, string, unknown][] = [
  [
    'deletePerson',
    person,
    200,
    pending('u-1', 'DELETE_PENDING'),
    { kind: 'taken', upstreamId: 'u-1', upstreamStatus: 'DELETE_PENDING' },
  ],
  [
    'deletePerson',
    person,
    200,
    pending('u-1', 'DELETE_OK'),
    { kind: 'answered', upstreamId: 'u-1', outcome: { verdict: 'completed', upstreamStatus: 'DELETE_OK' } },
  ],
  [
    'deletePerson',
    person,
    200,
    pending('u-1', 'DELETE_NOT_OK'),
    { kind: 'answered', upstreamId: 'u-1', outcome: { verdict: 'failed', upstreamStatus: 'DELETE_NOT_OK' } },
  ],
  // A word that ends another kind ends nothing.
  [
    'deletePSBioPerson',
    person,
    200,
    pending('u-1', 'SEARCH_MATCH'),
    { kind: 'taken', upstreamId: 'u-1', upstreamStatus: 'SEARCH_MATCH' },
  ],
  ['deletePerson', person, 204, '', completed(204)],
  ['deletePerson', person, 200, pending('', 'DELETE_PENDING'), unknown('answer-unreadable', 200)],
  [
    'redirectEnroll',
    transaction,
    200,
    pending('u-2', 'SEARCH_PENDING'),
    { kind: 'taken', upstreamId: 'u-2', upstreamStatus: 'SEARCH_PENDING' },
  ],
  [
    'redirectEnroll',
    transaction,
    200,
    pending('u-2', 'SEARCH_MATCH'),
    { kind: 'answered', upstreamId: 'u-2', outcome: { verdict: 'match', upstreamStatus: 'SEARCH_MATCH' } },
  ],
  ['redirectEnroll', transaction, 200, '{"id":', unknown('answer-unreadable', 200)],
  ['redirectEnroll', transaction, 201, '', unknown('accepted-without-id', 201)],
  ['redirectEnroll', transaction, 409, refusal, rejected(409, refusal)],
  [
    'createRemoteVerify',
    body,
    201,
    link,
    { kind: 'taken', upstreamId: 't-1', upstreamStatus: 'SEARCH_PENDING', kept: kept(201, link) },
  ],
  [
    'createRemoteEnroll',
    body,
    200,
    link,
    { kind: 'taken', upstreamId: 't-1', upstreamStatus: 'ENROLL_PENDING', kept: kept(200, link) },
  ],
  // A second link does no harm: what is lost is tried again.
  [
    'createRemoteEnroll',
    body,
    200,
    '{"tguid":"","dynamicLink":""}',
    { kind: 'unavailable', reason: 'answer-unreadable', httpStatus: 200 },
  ],
  ['createRemoteCapture', body, 500, '', { kind: 'unavailable', reason: 'server-error', httpStatus: 500 }],
  ['updateToken', textBody(''), 502, '', { kind: 'unavailable', reason: 'bad-gateway', httpStatus: 502 }],
  ['operatorInsert', body, 201, '', completed(201)],
  ['operatorInsert', body, 200, '', completed(200)],
  ['faceDetect', body, 200, '{"id":"f-1"}', completed(200, '{"id":"f-1"}')],
  ['faceDetect', body, 200, '{}', unknown('answer-unreadable', 200)],
  ['finishRemoteCapture', transaction, 200, '', completed(200)],
  ...[400, 404, 409, 410, 413, 415, 422].map((status): (typeof rows)[number] => [
    'operatorInsert',
    body,
    status,
    refusal,
    rejected(status, refusal),
  ]),
  ['operatorInsert', body, 404, '', rejected(404)],
  ...(
    [
      [408, 'timeout'],
      [500, 'server-error'],
      [502, 'bad-gateway'],
      [504, 'gateway-timeout'],
    ] as const
  ).map(([status, reason]): (typeof rows)[number] => ['operatorInsert', body, status, '', unknown(reason, status)]),
  ...(
    [
      [401, 'unauthorized'],
      [403, 'forbidden'],
      [503, 'service-unavailable'],
    ] as const
  ).map(([status, reason]): (typeof rows)[number] => [
    'operatorInsert',
    body,
    status,
    '',
    { kind: 'unavailable', reason, httpStatus: status },
  ]),
  // Not our credentials, but the caller's session.
  ['deprecatedSearch', body, 403, refusal, rejected(403, refusal)],
  ['operatorInsert', body, 429, '', { kind: 'throttled', retryAfterMs: 1_000 }],
  ['operatorInsert', body, 418, '', { kind: 'refused', reason: 'client-error', httpStatus: 418 }],
  ['operatorInsert', body, 500, refusal, { ...unknown('server-error', 500), upstreamCode: 'PROCESSING_ERROR' }],
];

describe('a write', () => {
  it.each(rows)('%s (%#) understands %3$i', async (name, request, status, text, expected) => {
    const it = await answering(httpResponse(status, text, text ? json : {}));
    expect(await it.perform(name, request)).toEqual(expected);
  });

  it('whose answer never comes is unknown, or a try that failed where a second one does no harm', async () => {
    const it = await answering(undefined);
    expect(await it.perform('operatorInsert', body)).toEqual(unknown('connection-lost'));
    expect(await it.perform('createRemoteVerify', body)).toEqual({ kind: 'unavailable', reason: 'connection-lost' });
  });

  it('that nobody heard had no effect', async () => {
    const it = await answering('');
    await opened.shift()?.close();
    expect(await it.perform('deletePerson', person)).toEqual({ kind: 'unavailable', reason: 'connect-refused' });
  });

  it('is posted as it was sealed', async () => {
    await (await answering(httpResponse(201, ''))).perform('operatorInsert', body);
    expect(heard).toMatch(/^POST \/gbs-spid-server\/operator HTTP/);
    expect(heard).toMatch(/\r\n\r\n\{"data":\{"document":"12345678909"\}\}$/);
    await (await answering(httpResponse(200, ''))).perform('finishRemoteCapture', transaction);
    expect(heard).toMatch(/^POST \/gbs-spid-server\/remote-capture\/finish\/g-1 HTTP/);
    expect(heard).toMatch(/\r\n\r\n\{"approval":true\}$/);
    const query = textBody(JSON.stringify({ params: {}, query: { 'data.clientEmail': 'a+b@example.com' } }));
    await (await answering(httpResponse(200, link, json))).perform('deprecatedCreateRemoteCaptureUsingPOST_1', query);
    expect(heard).toMatch(
      /^POST \/gbs-spid-server\/service\/cluster\/remote-capture\?data.clientEmail=a%2Bb%40example.com HTTP/,
    );
    await (await answering(httpResponse(204, ''))).perform('deletePSBioPerson', person);
    expect(heard).toMatch(/^DELETE \/gbs-spid-server\/delete\/12345678909\/E HTTP/);
    await (await answering(httpResponse(200, '{}', json))).perform('updateToken', textBody(''));
    expect(heard).not.toMatch(/content-type/i);
  });
});
