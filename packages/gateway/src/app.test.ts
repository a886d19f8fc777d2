import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { LinkCommand, LinkMessage } from '@atesto/shared/contracts/bridge-link';
import { transactionEventView } from '@atesto/shared/contracts/gateway';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { waitFor } from '../../../test/stack/wait-for.ts';
import { serverTimeouts } from './app.ts';
import type { TestGateway } from './gateway.fixture.ts';
import { enrolment, IDCLOUD_KEY, OPERATOR, post, problemOf, SOMEBODY, startTestGateway } from './gateway.fixture.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.close());

const get = (route: string, key?: string, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}${route}`, { headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers } });

// The routes of the SPID Server face are tried in spid-server-face.test.ts.
describe('access', () => {
  const id = randomUUID();
  const routes: [string, string, string[]][] = [
    ['PUT', `/v1/captures/${id}`, ['system', 'station']],
    ['POST', '/v1/transactions', ['system', 'station']],
    ['GET', `/v1/transactions/${id}`, ['administrator', 'system', 'station']],
    ['DELETE', `/v1/transactions/${id}`, ['administrator', 'system', 'station']],
    ['GET', `/v1/transactions/${id}/events`, ['administrator', 'system', 'station']],
    ['GET', `/v1/transactions/${id}/report`, ['administrator', 'system', 'station']],
    ['POST', '/v1/reports/verify', ['administrator', 'system', 'station']],
    ['POST', '/v1/transactions/resend', ['administrator', 'system', 'station']],
    ['POST', `/v1/transactions/${id}/resend`, ['administrator', 'system', 'station']],
    ['GET', `/v1/resends/${id}`, ['administrator', 'system', 'station']],
    ['GET', `/v1/resends/${id}/events`, ['administrator', 'system', 'station']],
    ['DELETE', `/v1/resends/${id}`, ['administrator', 'system', 'station']],
    ['POST', '/v1/transactions/lookup', ['system', 'station']],
    ['POST', '/v1/transactions/find', ['system', 'station']],
    ['POST', '/v1/remote-captures', ['system', 'station']],
    ['GET', `/v1/remote-captures/${id}?kind=verify`, ['system', 'station']],
    ['POST', '/v1/people/lookup', ['system', 'station']],
    ['POST', '/v1/operators/lookup', ['system', 'station']],
    ['POST', '/v1/keys', ['administrator']],
    ['POST', '/v1/stations/enrolments', ['administrator']],
    ['GET', '/v1/stations', ['administrator', 'system']],
    ['DELETE', `/v1/stations/${id}`, ['administrator']],
    ['GET', `/stations/${id}/gbs-spid-services/api/capture/status`, ['system']],
    ['POST', `/stations/${id}/gbs-spid-services/api/remote/verify`, ['system']],
    ['POST', '/idcloud/processes/v1', ['system']],
    ['GET', `/idcloud/processes/v1/${id}`, ['system']],
    ['GET', `/idcloud/processes/v2/${id}`, ['system']],
    ['GET', '/idcloud/documents/v1', ['system']],
    ['POST', '/idcloud/client/v1/process', ['system']],
    ['GET', `/idcloud/client/v1/process/${id}`, ['system']],
    ['GET', `/idcloud/client/v1/process/${id}/selfie`, ['system']],
    ['GET', `/idcloud/client/v1/process/${id}/evidenceset`, ['system']],
    ['GET', `/idcloud/api/v1/service/file/${id}`, ['system']],
    ['GET', `/idcloud/api/v1/service/evidence/${id}`, ['system']],
    ['GET', '/v1/link', ['station']],
    ['GET', '/metrics', ['administrator', 'system']],
  ];
  const refused = async (method: string, route: string, key?: string) => {
    const response = await fetch(`${gateway.url}${route}`, {
      method,
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), apikey: IDCLOUD_KEY },
    });
    await response.arrayBuffer();
    // IDCloud by Client says no to any key that it does not take with 403, as the vendor does.
    return response.status === 401 || response.status === 403;
  };
  for (const [method, route, allowed] of routes) {
    it(`${method} ${route.replace(id, '{id}')} is open to ${allowed.join(', ')} only`, async () => {
      const isByClient = /^\/idcloud\/(processes|documents)/.test(route);
      expect(await refused(method, route)).toBe(!isByClient);
      expect(await refused(method, route, 'ak_wrong')).toBe(true);
      for (const kind of ['administrator', 'system', 'station'] as const) {
        expect(await refused(method, route, gateway[kind].key), kind).toBe(!allowed.includes(kind));
      }
    });
  }

  it('shows a station its own transactions and nobody else’s', async () => {
    const request = await enrolment(gateway, 'mine');
    await post(gateway, '/v1/transactions', request);
    const route = `/v1/transactions/${request.id}`;
    expect((await get(route, gateway.station.key)).status).toBe(200);
    expect((await get(route, gateway.administrator.key)).status).toBe(200);
    expect(await problemOf(await get(route, gateway.system.key))).toBe('not-found');
    expect(await problemOf(await get(`${route}/events`, gateway.system.key))).toBe('not-found');
  });

  it('takes a revoked station’s key away at once', async () => {
    const { code } = (await (
      await post(gateway, '/v1/stations/enrolments', { name: 'short-lived' }, { key: gateway.administrator.key })
    ).json()) as { code: string };
    const response = await post(gateway, '/v1/stations', { code: code.toLowerCase() }, { key: '' });
    const station = (await response.json()) as { id: string; key: string };
    expect(response.status).toBe(201);
    expect(await problemOf(await post(gateway, '/v1/stations', { code }))).toBe('invalid-code');
    expect((await post(gateway, '/v1/people/lookup', { cpf: SOMEBODY }, { key: station.key })).status).toBe(200);
    await fetch(`${gateway.url}/v1/stations/${station.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${gateway.administrator.key}` },
    });
    expect((await post(gateway, '/v1/people/lookup', { cpf: SOMEBODY }, { key: station.key })).status).toBe(401);
  });

  it('answers what does not exist with a problem', async () => {
    expect(await problemOf(await get('/v1/nothing'))).toBe('not-found');
  });
});

describe('questions to the upstream', () => {
  it('says whether a person is registered and how an operator stands', async () => {
    gateway.spid.state.seedPerson(SOMEBODY, []);
    const ask = async (route: string, cpf: string) => (await post(gateway, route, { cpf })).json();
    expect(await ask('/v1/people/lookup', SOMEBODY)).toEqual({ registered: true });
    expect(await ask('/v1/people/lookup', '11144477735')).toEqual({ registered: false });
    expect(await ask('/v1/operators/lookup', OPERATOR)).toEqual({ status: 'VERIFIED' });
    expect(await ask('/v1/operators/lookup', SOMEBODY)).toEqual({ status: null });
    expect(await problemOf(await post(gateway, '/v1/people/lookup', { cpf: '1' }))).toBe('invalid-cpf');
  });

  it('says so when the upstream is away', async () => {
    gateway.spid.behaviours.down = 'unavailable';
    expect(await problemOf(await post(gateway, '/v1/people/lookup', { cpf: SOMEBODY }))).toBe('upstream-unavailable');
    gateway.spid.behaviours.down = undefined;
  });
});

describe('waiting and watching', () => {
  const outcome = { verdict: 'match', upstreamStatus: 'SEARCH_MATCH' } as const;
  const conclude = async (id: string) => {
    const row = await getTransaction(gateway.context.db, id);
    const claimed = row && (await applyEvent(gateway.context.db, row, { type: 'claimed' }));
    if (claimed) await applyEvent(gateway.context.db, claimed, { type: 'concluded', outcome });
  };

  it('holds a caller who prefers to wait until there is news', async () => {
    const request = await enrolment(gateway, 'wait');
    const { enqueue } = gateway.context;
    // The job's place is taken by the test: what matters is that the answer follows the ledger.
    gateway.context.enqueue = async ({ id }, lane) => {
      expect(lane).toBe('personWaiting');
      void conclude(id);
    };
    const response = await post(gateway, '/v1/transactions', request, { headers: { prefer: 'wait=20' } });
    gateway.context.enqueue = enqueue;
    expect(response.headers.get('preference-applied')).toBe('wait=20');
    expect(await response.json()).toMatchObject({
      state: 'concluded',
      verdict: 'match',
      upstreamStatus: 'SEARCH_MATCH',
    });
  });

  it('answers how it stands when the wait is over', async () => {
    const request = await enrolment(gateway, 'wait in vain');
    const response = await post(gateway, '/v1/transactions', request, { headers: { prefer: 'wait=1' } });
    expect(await response.json()).toMatchObject({ state: 'accepted' });
  });

  it('streams the history and then what happens, and continues after the last event', async () => {
    const request = await enrolment(gateway, 'watch');
    await post(gateway, '/v1/transactions', request);
    const route = `/v1/transactions/${request.id}/events`;
    const stop = new AbortController();
    const response = await fetch(`${gateway.url}${route}`, {
      headers: { authorization: `Bearer ${gateway.station.key}`, accept: 'text/event-stream' },
      signal: stop.signal,
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    const readUntil = async (word: string) => {
      while (!text.includes(word)) text += (await reader.read()).value ?? '';
    };
    await readUntil('event: accepted');
    await conclude(request.id);
    await readUntil('event: concluded');
    await readUntil('\n\n');
    stop.abort();
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) =>
      transactionEventView.parse(JSON.parse(json ?? '')),
    );
    expect(events.map(({ type, to }) => [type, to])).toEqual([
      ['accepted', 'accepted'],
      ['claimed', 'submitting'],
      ['concluded', 'concluded'],
    ]);
    expect(await (await get(route, gateway.station.key)).json()).toEqual(events);
    const rest = await fetch(`${gateway.url}${route}`, {
      headers: { authorization: `Bearer ${gateway.station.key}`, accept: 'text/event-stream', 'last-event-id': '1' },
    });
    const first = await (rest.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream())
      .getReader()
      .read();
    expect(first.value).toMatch(/^id: 2\n/);
  });
});

describe('the stations’ line and the relay', () => {
  const dial = async (key = gateway.station.key) => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/link`, {
      headers: { authorization: `Bearer ${key}` },
    });
    await once(socket, 'open');
    return socket;
  };
  const relay = (call: string, station = gateway.station.id) =>
    get(`/stations/${station}/gbs-spid-services/api/${call}`, gateway.system.key);

  it('says so when the station is not on the line, or is none', async () => {
    const away = await relay('capture/status');
    expect([away.status, await away.json()]).toEqual([
      503,
      { status: 'ERROR', message: expect.stringContaining('not connected') },
    ]);
    expect((await relay('capture/status', 'nonsense')).status).toBe(404);
  });

  it('has the station carry out the call and passes its answer on', async () => {
    const socket = await dial();
    socket.on('message', (data) => {
      const { id, call, params, body } = JSON.parse(data.toString()) as LinkCommand;
      const isReport = call === 'captureReport';
      const answer: LinkMessage = {
        type: 'answer',
        id,
        status: 200,
        contentType: isReport ? 'application/pdf' : 'application/json',
        body: isReport
          ? Buffer.from('%PDF-1').toString('base64')
          : JSON.stringify({ status: call, ...params, ...(body !== undefined && { body }) }),
      };
      socket.send(JSON.stringify(answer));
    });
    expect(await (await relay(`verify/${SOMEBODY}`)).json()).toEqual({ status: 'verify', cpf: SOMEBODY });
    expect(await (await relay('login/status')).json()).toEqual({ status: 'loginStatus' });
    expect(await (await relay(`login/${OPERATOR}`)).json()).toEqual({ status: 'login', id: OPERATOR });
    expect(await (await relay('capture/resend')).json()).toEqual({ status: 'captureResendAll' });
    const missing = { missing: '2:AMPUTATED', 'missingReason.2': 'é, 2019' };
    const query = new URLSearchParams({ ...missing, other: 'x', cpf: 'x' });
    expect(await (await relay(`enroll/${SOMEBODY}?${query}`)).json()).toEqual({
      status: 'enroll',
      cpf: SOMEBODY,
      ...missing,
    });
    const twice = await relay(`enroll/${SOMEBODY}?missing=2:AMPUTATED&missing=3:AMPUTATED`);
    expect([twice.status, await twice.json()]).toEqual([400, { status: 'ERROR', message: expect.any(String) }]);
    const report = await relay(`capture/report/${randomUUID()}`);
    expect([report.headers.get('content-type'), await report.text()]).toEqual(['application/pdf', '%PDF-1']);
    expect(gateway.logged()).not.toContain(SOMEBODY);
    socket.close();
    await once(socket, 'close');
  });

  describe('a call with a body', () => {
    const route = () => `/stations/${gateway.station.id}/gbs-spid-services/api/remote/verify`;
    const ask = (body: unknown, headers: Record<string, string> = {}) =>
      post(gateway, route(), body, { key: gateway.system.key, headers });

    it('carries it to the station as it came', async () => {
      const socket = await dial();
      const commands: LinkCommand[] = [];
      socket.on('message', (data) => {
        const command = JSON.parse(data.toString()) as LinkCommand;
        commands.push(command);
        const answer: LinkMessage = {
          type: 'answer',
          id: command.id,
          status: 200,
          contentType: 'application/json',
          body: '{}',
        };
        socket.send(JSON.stringify(answer));
      });
      const body = { clientID: SOMEBODY, operatorID: OPERATOR, clientEmail: 'pessoa@example.com', more: [1] };
      expect((await ask(body)).status).toBe(200);
      expect(commands).toMatchObject([{ call: 'remoteVerify', params: {}, body }]);
      expect(gateway.logged()).not.toContain(SOMEBODY);
      socket.close();
      await once(socket, 'close');
    });

    it.each<[string, number, unknown, Record<string, string>]>([
      ['that is not JSON', 400, '{', {}],
      ['that is empty', 400, '', {}],
      ['of another type', 415, '<a/>', { 'content-type': 'application/xml' }],
      ['over the limit', 413, { clientID: 'x'.repeat(2_000) }, {}],
    ])('refuses one %s in the vendor’s form', async (_case, status, body, headers) => {
      const response = await ask(body, headers);
      expect([response.status, await response.json()]).toEqual([
        status,
        { status: 'ERROR', message: expect.any(String) },
      ]);
    });
  });

  it.each([`/stations/x/%zz`, `/v1/stations/%zz`, `/v1/transactions/${'1'.repeat(201)}`])(
    'does not repeat a URL that cannot be read: %s',
    async (path) => {
      const response = await get(path, gateway.system.key);
      expect([response.status, await response.json()]).toEqual([
        400,
        { type: 'https://atesto.dev/problems/invalid-request', title: expect.any(String), status: 400 },
      ]);
    },
  );

  it('refuses another call, another method and a body of text in the vendor’s form', async () => {
    const refused = { status: 'ERROR', message: expect.any(String) };
    const route = `/stations/${gateway.station.id}/gbs-spid-services/api`;
    const key = gateway.system.key;
    for (const path of ['no/such/call', `login/${'1'.repeat(201)}`]) {
      const unknown = await relay(path);
      expect([unknown.status, await unknown.json()]).toEqual([404, refused]);
    }
    const method = await post(gateway, `${route}/capture/status`, {}, { key });
    expect([method.status, await method.json()]).toEqual([404, refused]);
    const anybody = await fetch(`${gateway.url}${route}/no/such/call`);
    expect([anybody.status, await anybody.json()]).toEqual([401, refused]);
    const text = await post(gateway, `${route}/remote/verify`, '{}', {
      key,
      headers: { 'content-type': 'text/plain' },
    });
    expect([text.status, await text.json()]).toEqual([415, refused]);
  });

  it('does not take a HEAD for the call', async () => {
    const route = `/stations/${gateway.station.id}/gbs-spid-services/api/capture/status`;
    const response = await fetch(`${gateway.url}${route}`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${gateway.system.key}` },
    });
    expect(response.status).toBe(404);
  });

  it('ends a call whose station hangs up, and a line that speaks nonsense', async () => {
    const socket = await dial();
    socket.once('message', () => socket.terminate());
    expect((await relay('capture/status')).status).toBe(502);
    const other = await dial();
    other.send('{"type":"nonsense"}');
    const [code] = await once(other, 'close');
    expect(code).toBe(1007);
  });

  it('lets a newer line of a station replace the older', async () => {
    const [first, second] = [await dial(), await dial()];
    if (first.readyState !== WebSocket.CLOSED) await once(first, 'close');
    expect(second.readyState).toBe(WebSocket.OPEN);
    second.terminate();
    await once(second, 'close');
  });

  it('refuses the line to anybody but a station', async () => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/link`, {
      headers: { authorization: `Bearer ${gateway.system.key}` },
    });
    const [error] = await once(socket, 'error');
    expect(String(error)).toContain('403');
  });
});

describe('operations', () => {
  it('is alive and ready', async () => {
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
    expect(await (await get('/readyz')).json()).toEqual({ ready: true, ledger: true, queue: true });
  });

  it('counts by route template', async () => {
    await get(`/v1/transactions/${randomUUID()}`, gateway.system.key);
    const text = await (await get('/metrics', gateway.system.key)).text();
    expect(text).toContain('route="/v1/transactions/:id"');
    expect(text).not.toMatch(/route="[^"]*[0-9a-f]{8}-/);
  });

  it('describes itself', async () => {
    const document = (await (await get('/openapi.json')).json()) as { openapi: string; paths: Record<string, unknown> };
    expect(document.openapi).toMatch(/^3\./);
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/captures/{id}', '/v1/transactions', '/v1/transactions/{id}/events', '/v1/stations']),
    );
  });

  it('sets every time-out, headers before request, and drops a caller who never ends its headers', async () => {
    expect(serverTimeouts.headers).toBeLessThan(serverTimeouts.request);
    expect(serverTimeouts.headers + serverTimeouts.checkInterval).toBeLessThan(5_000);
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('408');
    socket.destroy();
  });
});

describe('closing', () => {
  it('answers who is held with how it stands, and ends', async () => {
    const own = await startTestGateway();
    const request = await enrolment(own, 'held');
    const held = post(own, '/v1/transactions', request, { headers: { prefer: 'wait=30' } });
    await waitFor(() => getTransaction(own.context.db, request.id), { what: 'the acceptance' });
    const began = performance.now();
    const [response] = await Promise.all([held, own.close()]);
    expect(await response.json()).toMatchObject({ id: request.id, state: 'accepted' });
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
