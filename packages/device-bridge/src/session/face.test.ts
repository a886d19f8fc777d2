import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { SPID_SERVICES_BASE, spidServicesRoutes } from '@atesto/shared/contracts/spid-services';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CallAnswer, JSON_TYPE } from './dispatch.ts';
import { type Face, openFace } from './face.ts';

const TOKEN = 'pairing-token-of-the-tests';
const page = 'https://console.example';
let face: Face;
let calls: { call: string; params: Record<string, string>; body?: unknown }[];
let answer: CallAnswer;

beforeEach(async () => {
  calls = [];
  answer = { status: 200, contentType: JSON_TYPE, body: '{"status":"IDLE"}' };
  face = await openFace(0, {
    dispatch: async (call, params, body) => {
      calls.push({ call, params: { ...params }, ...(body != null && { body }) });
      return answer;
    },
    allowedOrigins: [page],
    pairingToken: TOKEN,
    timeouts: { headersMs: 200, requestMs: 300, checkMs: 50 },
  });
});
afterEach(() => face.close());

/** Sends the bytes as they are and gives all that comes back. */
async function raw(request: string): Promise<string> {
  const socket = connect(face.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(request);
  return text(socket);
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET', host = `127.0.0.1:${face.port}`) {
  const lines = Object.entries({ host, connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return raw(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
}

const statusOf = (response: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(response)?.[1]);

describe('face', () => {
  const samples = Object.entries(spidServicesRoutes).map(([call, { method, path }]) => ({ call, method, path }));
  it.each(samples)('$call: $method $path', async ({ call, method, path }) => {
    const response = await get(SPID_SERVICES_BASE + path.replace(/\{\w+\}/g, '12345678909'), {}, method);
    expect(statusOf(response)).toBe(200);
    expect(response).toContain('{"status":"IDLE"}');
    const name = /\{(\w+)\}/.exec(path)?.[1];
    expect(calls).toEqual([{ call, params: name === undefined ? {} : { [name]: '12345678909' } }]);
  });

  const post = (body: string, type = 'application/json') =>
    raw(
      `POST ${SPID_SERVICES_BASE}/remote/verify HTTP/1.1\r\nHost: 127.0.0.1:${face.port}\r\nConnection: close\r\n` +
        `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );

  it('hands a body on as it is, and refuses what is none', async () => {
    expect(statusOf(await post('{"clientID":1}'))).toBe(200);
    expect(calls).toEqual([{ call: 'remoteVerify', params: {}, body: { clientID: 1 } }]);
    for (const [status, body, type] of [
      [400, '{', 'application/json'],
      [400, '', 'application/json'],
      [413, JSON.stringify({ clientID: 'x'.repeat(1_100) }), 'application/json'],
      [415, '<a/>', 'application/xml'],
    ] as const) {
      const response = await post(body, type);
      expect([statusOf(response), response]).toEqual([status, expect.stringContaining('{"status":"ERROR"')]);
    }
    expect(calls).toHaveLength(1);
  });

  it('takes the query parameters of the table, once each, and no others', async () => {
    const path = `${SPID_SERVICES_BASE}/enroll/12345678909`;
    await get(`${path}?missing=2:AMPUTATED&missingReason.2=a%20b&cpf=1&_=1`);
    const params = { cpf: '12345678909', missing: '2:AMPUTATED', 'missingReason.2': 'a b' };
    expect(calls).toEqual([{ call: 'enroll', params }]);
    expect(statusOf(await get(`${path}?missing=2:AMPUTATED&missing=3:AMPUTATED`))).toBe(400);
    await get(`${SPID_SERVICES_BASE}/capture/status?missing=2:AMPUTATED`);
    expect(calls.slice(1)).toEqual([{ call: 'captureStatus', params: {} }]);
  });

  it('listens on the loopback only, and a route table can be another one', async () => {
    expect(face.url).toBe(`http://127.0.0.1:${face.port}`);
    const routes = {
      ...spidServicesRoutes,
      captureSend: { method: 'POST', path: '/send/now', provisional: true },
    } as const;
    const other = await openFace(0, { dispatch: async () => answer, allowedOrigins: [], routes });
    const response = await fetch(`${other.url}${SPID_SERVICES_BASE}/send/now`, { method: 'POST' }).catch(
      (error) => error,
    );
    // Node's fetch behaves as a browser would (Sec-Fetch-Mode): let in by nobody.
    expect(response.status).toBe(403);
    await other.close();
  });

  it('gives a report as it is', async () => {
    answer = { status: 200, contentType: 'application/pdf', body: Buffer.from('%PDF-1.7 …') };
    const response = await get(`${SPID_SERVICES_BASE}/capture/report/x`);
    expect(response).toContain('content-type: application/pdf');
    expect(response).toContain('%PDF-1.7');
  });

  it('tells nothing on /healthz and does not start a capture by HEAD', async () => {
    const health = await get('/healthz');
    expect(statusOf(health)).toBe(204);
    expect(health.split('\r\n\r\n')[1]).toBe('');
    expect(statusOf(await get(`${SPID_SERVICES_BASE}/enroll/12345678909`, {}, 'HEAD'))).toBe(404);
    expect(calls).toEqual([]);
  });

  const everywhere = ['/healthz', `${SPID_SERVICES_BASE}/enroll/12345678909`, '/unknown', '/', '/%zz'];
  it.each(everywhere)('the guard stands before %s', async (path) => {
    expect(statusOf(await get(path, {}, 'GET', 'evil.test'))).toBe(421);
    expect(statusOf(await get(path, { origin: 'https://evil.test' }))).toBe(403);
    expect(statusOf(await get(path, { origin: 'https://evil.test' }, 'POST'))).toBe(403);
    expect(statusOf(await get(path, { 'sec-fetch-mode': 'navigate' }))).toBe(403);
    expect(statusOf(await get(path, { origin: page }))).toBe(401);
    expect(calls).toEqual([]);
  });

  it('the guard stands before an upgrade', async () => {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'eA==',
    };
    const path = `${SPID_SERVICES_BASE}/enroll/12345678909`;
    expect(statusOf(await get(path, { ...upgrade, origin: 'https://evil.test' }))).toBe(403);
    expect(statusOf(await get(path, { ...upgrade, origin: page }))).toBe(401);
    expect(statusOf(await get(path, upgrade, 'GET', 'evil.test'))).toBe(421);
    expect(statusOf(await get(path, { ...upgrade, origin: page, authorization: `Bearer ${TOKEN}` }))).toBe(404);
    expect(calls).toEqual([]);
  });

  it('answers CORS for a paired page only', async () => {
    const path = `${SPID_SERVICES_BASE}/capture/status`;
    const ask = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'x-atesto-pairing' };
    const preflight = await get(path, { origin: page, ...ask }, 'OPTIONS');
    expect(statusOf(preflight)).toBe(204);
    expect(preflight).toContain(`access-control-allow-origin: ${page}`);
    expect(preflight).toContain('access-control-allow-headers: authorization, x-atesto-pairing');
    expect(preflight.toLowerCase()).toContain('vary: origin');
    expect(preflight.toLowerCase()).not.toContain('private-network');
    const other = await get(path, { origin: 'https://evil.test', ...ask }, 'OPTIONS');
    expect(statusOf(other)).toBe(403);
    expect(other).not.toContain('access-control-');
    const answered = await get(path, { origin: page, 'x-atesto-pairing': TOKEN });
    expect(statusOf(answered)).toBe(200);
    expect(answered).toContain(`access-control-allow-origin: ${page}`);
    expect(await get(path)).not.toContain('access-control-');
  });

  it('does not wait for a request that never ends', async () => {
    const slow = await raw(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${face.port}\r\nX-Slow: `);
    expect(statusOf(slow)).toBe(408);
    const body = await raw(`POST /x HTTP/1.1\r\nHost: 127.0.0.1:${face.port}\r\nContent-Length: 10\r\n\r\nabc`);
    expect([404, 408]).toContain(statusOf(body));
  });

  it('refuses a port that is taken', async () => {
    await expect(openFace(face.port, { dispatch: async () => answer, allowedOrigins: [] })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
