import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../stack/wait-for.ts';
import { type FaultProxy, type LineFault, openProxy } from './proxy.ts';

/** Repeats what it gets, after its name. */
function echo(name: string): Promise<{ server: Server; port: number; heard: () => string }> {
  let heard = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard += data;
      socket.write(`${name}:${data}`);
    });
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({ server, port: (server.address() as AddressInfo).port, heard: () => heard }),
    ),
  );
}

describe('the fault proxy', () => {
  let target: Awaited<ReturnType<typeof echo>>;
  let proxy: FaultProxy;
  let callers: Socket[];
  beforeEach(async () => {
    callers = [];
    target = await echo('one');
    proxy = await openProxy(target.port);
  });
  afterEach(async () => {
    for (const caller of callers) caller.destroy();
    await proxy.close();
    target.server.close();
  });

  /** A caller and what comes of it: the answer so far, and how it ended. */
  async function call(text?: string) {
    const socket = connect(proxy.port, '127.0.0.1');
    callers.push(socket);
    const seen = { text: '', end: '', at: 0 };
    socket.on('data', (data) => {
      seen.text += data;
      seen.at = performance.now();
    });
    socket.on('end', () => {
      seen.end ||= 'end';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen.end = error.code ?? '';
    });
    await once(socket, 'connect').catch(() => undefined);
    if (text !== undefined) socket.write(text);
    return { socket, seen };
  }

  it('passes everything on where nothing is wrong', async () => {
    const { seen } = await call('hello');
    await waitFor(() => seen.text === 'one:hello', { what: 'the echo' });
    expect(proxy.met()).toBe(0);
  });

  it.each<{ fault: LineFault; end: string }>([
    { fault: { type: 'drop-answer' }, end: 'ECONNRESET' },
    { fault: { type: 'half-close' }, end: 'end' },
  ])('lets the call arrive and loses its answer once: $fault.type', async ({ fault, end }) => {
    proxy.fail(fault, 1);
    const { seen } = await call('hello');
    await waitFor(() => seen.end !== '', { what: 'an end' });
    expect(seen).toMatchObject({ text: '', end });
    expect(target.heard()).toBe('hello');
    const second = await call('again');
    await waitFor(() => second.seen.text === 'one:again', { what: 'the second echo' });
    expect(proxy.met()).toBe(1);
  });

  it('resets open connections and new ones', async () => {
    const open = await call('hello');
    await waitFor(() => open.seen.text !== '', { what: 'the echo' });
    proxy.fail({ type: 'reset' });
    await waitFor(() => open.seen.end === 'ECONNRESET', { what: 'a reset' });
    const late = await call('x');
    await waitFor(() => late.seen.end === 'ECONNRESET', { what: 'a reset of the new one' });
    expect(target.heard()).toBe('hello');
  });

  it('swallows in a blackhole, and cuts what was swallowed from when it heals', async () => {
    proxy.fail({ type: 'blackhole' });
    const { seen } = await call('hello');
    await waitFor(() => proxy.met() === 1, { what: 'a swallowed piece' });
    expect([target.heard(), seen.text, seen.end]).toEqual(['', '', '']);
    proxy.fail(undefined);
    await waitFor(() => seen.end === 'ECONNRESET', { what: 'the cut' });
    expect(target.heard()).toBe('');
  });

  it('swallows one caller’s bytes and lets all others pass', async () => {
    proxy.fail({ type: 'swallow', text: 'poison' });
    const poisoned = await call('a poisoned piece');
    await waitFor(() => proxy.met() === 1, { what: 'a swallowed piece' });
    const { seen } = await call('hello');
    await waitFor(() => seen.text === 'one:hello', { what: 'the echo' });
    expect([target.heard(), poisoned.seen.text]).toEqual(['hello', '']);
  });

  it.each<{ fault: LineFault; leastMs: number }>([
    { fault: { type: 'latency', ms: 60 }, leastMs: 115 },
    { fault: { type: 'throttle', bytesPerSecond: 100 }, leastMs: 85 },
  ])('is slow, and whole: $fault.type', async ({ fault, leastMs }) => {
    proxy.fail(fault);
    const started = performance.now();
    const { seen } = await call('hello');
    await waitFor(() => seen.text === 'one:hello', { what: 'the whole echo' });
    expect(seen.at - started).toBeGreaterThanOrEqual(leastMs);
  });

  it('leads elsewhere', async () => {
    const other = await echo('two');
    const open = await call('hello');
    await waitFor(() => open.seen.text !== '', { what: 'the echo' });
    proxy.retarget(other.port);
    await waitFor(() => open.seen.end === 'ECONNRESET', { what: 'the cut' });
    const { seen } = await call('hello');
    await waitFor(() => seen.text === 'two:hello', { what: 'the other echo' });
    other.server.close();
  });
});
