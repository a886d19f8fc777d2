import { afterEach, describe, expect, it } from 'vitest';
import type { Cpf } from '../domain/cpf.ts';
import { classifyWireError, readRetryAfter } from './exchange.ts';
import { httpResponse, isWhole, type RawServer, startRawServer } from './raw-server.fixture.ts';
import { createSpidServerClient, type SpidServerClient } from './spid-server.ts';
import type { SubmitResult, UpstreamBody } from './upstream.ts';

const cpf = '12345678909' as Cpf;
const text = JSON.stringify({ data: { marker: 'x'.repeat(200_000) } });
let server: RawServer | undefined;
let client: SpidServerClient | undefined;
let released: number;

/** The body in pieces, counting how often it was let go. */
function body(source = text, length = Buffer.byteLength(source)): UpstreamBody {
  return {
    length,
    async *open() {
      try {
        const bytes = Buffer.from(source);
        for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
      } finally {
        released += 1;
      }
    },
  };
}

async function connect(
  onData: Parameters<typeof startRawServer>[0],
  timeouts: { submitMs?: number; readMs?: number } = {},
): Promise<SpidServerClient> {
  released = 0;
  server = await startRawServer(onData);
  client = createSpidServerClient({ url: server.url, timeouts });
  return client;
}

/** A client whose server answers every whole request with `response`. */
function answering(response: string): Promise<SpidServerClient> {
  return connect((socket, soFar) => {
    if (isWhole(soFar)) socket.write(response);
  });
}

afterEach(async () => {
  await server?.close();
  await client?.close();
  server = undefined;
  client = undefined;
});

describe('a submission and the wire', () => {
  it('is unavailable when the connection is refused, and the body was never touched', async () => {
    const gone = await answering('');
    await server?.close();
    server = undefined;
    const open = () => Promise.reject(new Error('opened'));
    const refused = { kind: 'unavailable', reason: 'connect-refused' };
    expect(await gone.submit('spid.enroll', { length: 1, open })).toEqual(refused);
  });

  it.each([
    ['a reset after the head', (soFar: string) => soFar.includes('\r\n\r\n')],
    ['a reset after the whole body', isWhole],
  ])('is unknown after %s', async (_, when) => {
    const it = await connect((socket, soFar) => {
      if (when(soFar)) socket.resetAndDestroy();
    });
    expect(await it.submit('spid.enroll', body())).toEqual({ kind: 'unknown', reason: 'connection-lost' });
    expect(released).toBe(1);
  });

  it('is unknown when the connection closes without an answer', async () => {
    const it = await connect((socket, soFar) => {
      if (isWhole(soFar)) socket.end();
    });
    expect(await it.submit('spid.verify', body())).toEqual({ kind: 'unknown', reason: 'connection-lost' });
  });

  it('is unknown when the answer does not come in time', async () => {
    const it = await connect(() => {}, { submitMs: 150 });
    expect(await it.submit('spid.enroll', body())).toEqual({ kind: 'unknown', reason: 'timeout' });
  });

  it('is unknown when it is given up while waiting, unavailable when given up before', async () => {
    const giveUp = new AbortController();
    const it = await connect((_, soFar) => {
      if (isWhole(soFar)) giveUp.abort();
    });
    const { signal } = giveUp;
    expect(await it.submit('spid.enroll', body(), { signal })).toEqual({ kind: 'unknown', reason: 'aborted' });
    expect(await it.submit('spid.enroll', body(), { signal })).toEqual({ kind: 'unavailable', reason: 'aborted' });
  });

  it('is unknown when the answer breaks off', async () => {
    const it = await connect((socket, soFar) => {
      if (isWhole(soFar)) socket.end(httpResponse(200, '{"id":"t"', { 'content-length': '90' }));
    });
    const expected = { kind: 'unknown', reason: 'answer-lost', httpStatus: 200 };
    expect(await it.submit('spid.enroll', body())).toEqual(expected);
  });

  it('understands a refusal that comes before the body has been read', async () => {
    let answered = false;
    const it = await connect((socket) => {
      if (!answered) socket.end(httpResponse(422, '', { connection: 'close' }));
      answered = true;
    });
    const result = await it.submit('spid.enroll', body());
    // The answer may also be lost with the connection; then it is unknown, never lost silently.
    expect(['refused', 'unknown']).toContain(result.kind);
  });

  it('takes a body that fails half way for not sent, and one that fails behind its last chunk for sent: that one makes it whole', async () => {
    const it = await answering(httpResponse(500));
    const failing = (length: number): UpstreamBody => ({
      length,
      async *open() {
        yield Buffer.from('12345');
        throw new Error('authentication tag');
      },
    });
    expect(await it.submit('spid.enroll', failing(10))).toEqual({ kind: 'unavailable', reason: 'body-failed' });
    expect(await it.submit('spid.enroll', failing(5))).toEqual({ kind: 'unknown', reason: 'body-failed' });
    expect(await it.submit('spid.enroll', body('123', 9))).toEqual({ kind: 'unavailable', reason: 'body-failed' });
  });

  it('throws what opening the body throws: that is ours', async () => {
    const it = await answering(httpResponse(200));
    const open = () => Promise.reject(new Error('key destroyed'));
    await expect(it.submit('spid.enroll', { length: 1, open })).rejects.toThrow('key destroyed');
  });

  it('posts the body byte for byte with its length', async () => {
    const it = await answering(httpResponse(200, '{"id":"t","status":"ENROLL_PENDING"}'));
    const expected = { kind: 'taken', upstreamId: 't', upstreamStatus: 'ENROLL_PENDING' };
    expect(await it.submit('spid.enroll', body())).toEqual(expected);
    const sent = server?.received() ?? '';
    expect(sent).toContain(`content-length: ${text.length}\r\n`);
    expect(sent.slice(sent.indexOf('\r\n\r\n') + 4)).toBe(text);
  });
});

const word = (status: string) => `{"id":"t","message":"for 12345678909","status":"${status}"}`;
const error = '{"errors":[{"type":"VALIDATION_ERROR","message":"12345678909"}],"type":"VALIDATION_ERROR"}';
const submissions: [status: number, answer: string, expected: SubmitResult][] = [
  [200, word('ENROLL_PENDING'), { kind: 'taken', upstreamId: 't', upstreamStatus: 'ENROLL_PENDING' }],
  [201, word('ENROLL_PENDING'), { kind: 'taken', upstreamId: 't', upstreamStatus: 'ENROLL_PENDING' }],
  [200, word('SOMETHING_NEW'), { kind: 'taken', upstreamId: 't', upstreamStatus: 'SOMETHING_NEW' }],
  // A word of verification does not end an enrolment.
  [200, word('SEARCH_MATCH'), { kind: 'taken', upstreamId: 't', upstreamStatus: 'SEARCH_MATCH' }],
  [
    200,
    word('ENROLL_OK'),
    { kind: 'answered', upstreamId: 't', outcome: { verdict: 'enrolled', upstreamStatus: 'ENROLL_OK' } },
  ],
  [201, '', { kind: 'unknown', reason: 'accepted-without-id', httpStatus: 201 }],
  [200, '', { kind: 'unknown', reason: 'accepted-without-id', httpStatus: 200 }],
  [200, '{"id":"t","sta', { kind: 'unknown', reason: 'answer-unreadable', httpStatus: 200 }],
  [200, '{"id":"","status":"ENROLL_OK"}', { kind: 'unknown', reason: 'answer-unreadable', httpStatus: 200 }],
  [200, '<html>', { kind: 'unknown', reason: 'answer-unreadable', httpStatus: 200 }],
  [302, '', { kind: 'unknown', reason: 'redirected', httpStatus: 302 }],
  [400, error, { kind: 'refused', reason: 'bad-request', httpStatus: 400, upstreamCode: 'VALIDATION_ERROR' }],
  [401, '', { kind: 'unavailable', reason: 'unauthorized', httpStatus: 401 }],
  [403, '', { kind: 'unavailable', reason: 'forbidden', httpStatus: 403 }],
  [404, '', { kind: 'refused', reason: 'not-found', httpStatus: 404 }],
  [405, '', { kind: 'refused', reason: 'client-error', httpStatus: 405 }],
  [408, '', { kind: 'unknown', reason: 'timeout', httpStatus: 408 }],
  [409, '', { kind: 'unknown', reason: 'conflict', httpStatus: 409 }],
  [413, '', { kind: 'refused', reason: 'too-large', httpStatus: 413 }],
  [415, '', { kind: 'refused', reason: 'unsupported-media-type', httpStatus: 415 }],
  [422, '', { kind: 'refused', reason: 'unprocessable', httpStatus: 422 }],
  [429, '', { kind: 'throttled', retryAfterMs: 1_000 }],
  [500, error, { kind: 'unknown', reason: 'server-error', httpStatus: 500, upstreamCode: 'VALIDATION_ERROR' }],
  [501, '', { kind: 'unknown', reason: 'server-error', httpStatus: 501 }],
  [502, '', { kind: 'unknown', reason: 'bad-gateway', httpStatus: 502 }],
  [503, '', { kind: 'unavailable', reason: 'service-unavailable', httpStatus: 503 }],
  [504, '', { kind: 'unknown', reason: 'gateway-timeout', httpStatus: 504 }],
];

describe('a submission and its answer', () => {
  it.each(submissions)('%i %s', async (status, answer, expected) => {
    const it = await answering(httpResponse(status, answer));
    const result = await it.submit('spid.enroll', body());
    expect(result).toEqual(expected);
    expect(JSON.stringify(result)).not.toContain(cpf);
  });

  it('reads Retry-After of 429 and 503', async () => {
    const it = await answering(httpResponse(503, '', { 'retry-after': '7' }));
    expect(await it.submit('spid.enroll', body())).toMatchObject({ kind: 'unavailable', retryAfterMs: 7_000 });
  });

  it('does not take an answer without end', async () => {
    const it = await answering(httpResponse(200, ' '.repeat(2_000_000)));
    const expected = { kind: 'unknown', reason: 'answer-too-large', httpStatus: 200 };
    expect(await it.submit('spid.enroll', body())).toEqual(expected);
  });
});

describe('a read', () => {
  it.each([
    [400, { kind: 'refused', reason: 'bad-request', httpStatus: 400 }],
    [404, { kind: 'not-found' }],
    [409, { kind: 'unavailable', reason: 'conflict', httpStatus: 409 }],
    [429, { kind: 'throttled', retryAfterMs: 1_000 }],
    [500, { kind: 'unavailable', reason: 'server-error', httpStatus: 500 }],
    [201, { kind: 'unavailable', reason: 'answer-unreadable', httpStatus: 201 }],
    [200, { kind: 'unavailable', reason: 'answer-unreadable', httpStatus: 200 }],
  ])('of a result that is answered with %i', async (status, expected) => {
    const it = await answering(httpResponse(status));
    expect(await it.result('spid.enroll', 't')).toEqual(expected);
  });

  it('reads one transaction or a list of them', async () => {
    const one = { id: 't', userId: cpf, operatorId: cpf, type: 'ENROLL', status: 'OK', timestamp: 5 };
    for (const answer of [one, [one]]) {
      const it = await answering(httpResponse(200, JSON.stringify(answer)));
      expect(await it.findTransaction(cpf)).toEqual({ kind: 'ok', value: [one] });
      await server?.close();
    }
  });

  it('takes 200 without a body and 302 with one for a found operator, and follows nothing', async () => {
    const it = await answering(httpResponse(200));
    expect(await it.operator(cpf)).toEqual({ kind: 'ok', value: { found: true } });
    await server?.close();
    const payload = { document: cpf, status: 'PENDING' };
    const other = await answering(httpResponse(302, JSON.stringify(payload), { location: 'http://127.0.0.1:1/' }));
    expect(await other.operator(cpf)).toEqual({ kind: 'ok', value: { found: true, payload } });
  });

  it('never says the path, whatever goes wrong', async () => {
    const it = await connect((socket) => socket.resetAndDestroy());
    const results = [await it.person(cpf), await it.operator(cpf), await it.findTransaction(cpf)];
    expect(results).toEqual(Array(3).fill({ kind: 'unavailable', reason: 'connection-lost' }));
    expect(JSON.stringify(results)).not.toContain(cpf);
  });

  it('puts a prefix of the URL before the path and sends Basic credentials', async () => {
    await answering(httpResponse(404));
    await client?.close();
    client = createSpidServerClient({ url: `${server?.url}/proxy/`, username: 'u', password: 'p' });
    expect(await client.person(cpf)).toEqual({ kind: 'ok', value: { registered: false } });
    expect(server?.received()).toContain(`GET /proxy/gbs-spid-server/people/${cpf} HTTP/1.1`);
    expect(server?.received()).toContain(`authorization: Basic ${Buffer.from('u:p').toString('base64')}`);
  });
});

describe('classifyWireError', () => {
  it.each([
    ['ECONNREFUSED', 'connect-refused'],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect-timeout'],
    ['EAI_AGAIN', 'name-not-found'],
    ['CERT_HAS_EXPIRED', 'tls-failed'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls-failed'],
    ['ECONNRESET', 'connection-lost'],
    ['constructor', 'connection-lost'],
  ])('%s', (code, reason) => {
    expect(classifyWireError({ code })).toBe(reason);
    expect(classifyWireError({ cause: { code } })).toBe(reason);
  });
});

describe('readRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['3', 3_000],
    ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['999999', 3_600_000],
    ['soon', undefined],
    [undefined, undefined],
  ])('%s', (header, expected) => {
    expect(readRetryAfter({ 'retry-after': header }, now)).toBe(expected);
  });

  it('reads a time by the clock of the server that names it', () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT', date: 'Thu, 01 Jan 2026 00:00:02 GMT' };
    expect(readRetryAfter(headers, now - 600_000)).toBe(8_000);
  });
});
