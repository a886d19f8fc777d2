import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pool } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { type Call, createPool, exchange } from './exchange.ts';
import type { UpstreamBody } from './upstream.ts';

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** One connection to a server that answers so. */
async function connect(answer: RequestListener): Promise<{ call(call: Partial<Call>): ReturnType<typeof exchange> }> {
  const server = createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const pool: Pool = createPool(url, { connectMs: 5_000, connections: 1 });
  closing.push(
    () => server.close(),
    () => pool.destroy(),
  );
  return {
    call: (call) =>
      exchange(pool, url.origin, { method: 'GET', path: '/', timeoutMs: 5_000, maxAnswerBytes: 1_000, ...call }),
  };
}

function bodyOf(text: string): UpstreamBody & { opened: number } {
  const body = {
    length: text.length,
    opened: 0,
    async open() {
      body.opened++;
      return (async function* () {
        yield Buffer.from(text);
      })();
    },
  };
  return body;
}

it.each(['timeout', 'aborted'] as const)(
  '%s: what waits for a socket ends at once and is never sent',
  async (reason) => {
    const paths: (string | undefined)[] = [];
    let first: ServerResponse | undefined;
    const arrived = Promise.withResolvers<void>();
    const { call } = await connect((request, response) => {
      paths.push(request.url);
      if (request.url !== '/first') return void response.end('{}');
      first = response;
      arrived.resolve();
    });
    const busy = call({ path: '/first' });
    await arrived.promise;
    const cut = new AbortController();
    const body = bodyOf('{}');
    const waiting = call({
      method: 'POST',
      path: '/second',
      body,
      ...(reason === 'timeout' ? { timeoutMs: 10 } : { signal: cut.signal }),
    });
    if (reason === 'aborted') cut.abort();
    // The socket is still another's.
    expect(await waiting).toEqual({ kind: 'none', began: false, reason });
    first?.end('{}');
    expect(await busy).toMatchObject({ kind: 'http', status: 200 });
    expect(await call({ path: '/third' })).toMatchObject({ kind: 'http', status: 200 });
    expect([paths, body.opened]).toEqual([['/first', '/third'], 0]);
  },
);

it('sends nothing for who had given up before', async () => {
  let asked = 0;
  const { call } = await connect((_request, response) => {
    asked++;
    response.end();
  });
  expect(await call({ signal: AbortSignal.abort() })).toEqual({ kind: 'none', began: false, reason: 'aborted' });
  expect(asked).toBe(0);
});

it('gives the last answer where others announce it', async () => {
  const { call } = await connect((_request, response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.writeHead(201, { 'x-which': 'the last' });
    response.end('{}');
  });
  expect(await call({})).toMatchObject({ kind: 'http', status: 201, headers: { 'x-which': 'the last' } });
});

it('reads an answer of exactly the bytes that may be, and none beyond', async () => {
  const { call } = await connect((request, response) => response.end('x'.repeat(Number(request.url?.slice(1)))));
  expect(await call({ path: '/1000' })).toMatchObject({ kind: 'http', body: Buffer.alloc(1_000, 'x') });
  expect(await call({ path: '/1001' })).toMatchObject({ kind: 'http', status: 200, bodyFault: 'answer-too-large' });
  // On a connection of its own: the one before was closed in the middle of an answer.
  expect(await call({ path: '/2' })).toMatchObject({ kind: 'http', body: Buffer.from('xx') });
});

it.each([
  ['timeout', 500],
  ['aborted', 5_000],
] as const)('%s in the middle of an answer leaves the status that was read', async (reason, timeoutMs) => {
  const cut = new AbortController();
  const { call } = await connect((_request, response) => {
    response.writeHead(200);
    response.write('{');
    if (reason === 'aborted') setImmediate(() => cut.abort());
  });
  const answer = await call({ timeoutMs, signal: cut.signal });
  // It may be cut before the head was read.
  expect(answer).toMatchObject(
    answer.kind === 'http' ? { status: 200, body: undefined, bodyFault: reason } : { began: true, reason },
  );
});

it('leaves no listener at a signal that outlives the call', async () => {
  const { call } = await connect((_request, response) => response.end('{}'));
  const cut = new AbortController();
  let listening = 0;
  const { addEventListener, removeEventListener } = cut.signal;
  cut.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listening++;
    addEventListener.apply(cut.signal, args);
  };
  cut.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listening--;
    removeEventListener.apply(cut.signal, args);
  };
  await call({ signal: cut.signal });
  expect(listening).toBe(0);
});
