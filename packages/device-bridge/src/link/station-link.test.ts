import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { LinkMessage } from '@atesto/shared/contracts/bridge-link';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallAnswer, Dispatch } from '../session/dispatch.ts';
import { FakeGateway, STATION_KEY } from './fake-gateway.fixture.ts';
import { StationLink, type StationLinkOptions } from './station-link.ts';

let gateway: FakeGateway;
let link: StationLink;
const calls: unknown[] = [];
let respond: Dispatch;

function dial(options: Partial<StationLinkOptions> = {}): StationLink {
  link = new StationLink({
    url: gateway.url,
    key: STATION_KEY,
    version: '1.2.3',
    devices: () => [{ model: 'Test Reader', ready: true }],
    takeFace: async () => ({ outcome: 'failed', why: 'no-camera' }),
    dispatch: (call, params, body) => {
      calls.push({ call, params, body });
      return respond(call, params, body);
    },
    backOff: { baseMs: 10, maxMs: 40 },
    ...options,
  });
  link.open();
  return link;
}

const connected = () => vi.waitFor(() => expect(gateway.links.length).toBeGreaterThan(0));
const messages = <Type extends LinkMessage['type']>(type: Type) =>
  gateway.linkMessages.filter((message): message is Extract<LinkMessage, { type: Type }> => message.type === type);
const send = (message: unknown) =>
  gateway.links.at(-1)?.send(typeof message === 'string' ? message : JSON.stringify(message));

beforeEach(async () => {
  gateway = await new FakeGateway().start();
  calls.length = 0;
  respond = async () => ({ status: 200, contentType: 'application/json; charset=utf-8', body: '{"status":"IDLE"}' });
});
afterEach(async () => {
  link.close();
  await gateway.stop();
});

describe('station link', () => {
  it('says hello, executes calls and answers them', async () => {
    const onConnected = vi.fn();
    dial({ onConnected });
    await connected();
    await vi.waitFor(() => expect(messages('hello')).toHaveLength(1));
    expect(messages('hello')[0]).toEqual({
      type: 'hello',
      version: '1.2.3',
      devices: [{ model: 'Test Reader', ready: true }],
    });
    expect(onConnected).toHaveBeenCalledOnce();
    const id = randomUUID();
    send({ type: 'call', id, call: 'captureStatus', params: {} });
    await vi.waitFor(() => expect(messages('answer')).toHaveLength(1));
    expect(messages('answer')[0]).toMatchObject({ id, status: 200, body: '{"status":"IDLE"}' });
    const remote = { call: 'remoteVerify', params: {}, body: { clientID: '52998224725' } };
    send({ type: 'call', id: randomUUID(), ...remote });
    await vi.waitFor(() => expect(calls.at(-1)).toEqual(remote));
    link.progress('CLIENT_CAPTURING');
    await vi.waitFor(() => expect(messages('progress')).toEqual([{ type: 'progress', status: 'CLIENT_CAPTURING' }]));
  });

  it('names its camera, takes a face and says what came of it', async () => {
    const taken = { outcome: 'taken', device: { model: 'Virtual camera' } } as const;
    const takeFace = vi.fn<StationLinkOptions['takeFace']>().mockResolvedValueOnce(taken);
    dial({ camera: 'Virtual camera', takeFace });
    await connected();
    await vi.waitFor(() => expect(messages('hello')[0]).toMatchObject({ camera: 'Virtual camera' }));
    const [id, capture] = [randomUUID(), randomUUID()];
    send({ type: 'capture-face', id, capture });
    await vi.waitFor(() => expect(messages('face')).toEqual([{ type: 'face', id, answer: taken }]));
    expect(takeFace).toHaveBeenCalledWith(capture, expect.any(AbortSignal));
  });

  it.each([
    ['the gateway gives up', (id: string) => send({ type: 'cancel-face', id })],
    ['the line breaks', () => gateway.links.at(-1)?.terminate()],
  ])('ends a face when %s, and no other', async (_what, end) => {
    const signals: AbortSignal[] = [];
    dial({
      takeFace: async (_capture, cancelled) => {
        signals.push(cancelled);
        if (!cancelled.aborted) await once(cancelled, 'abort');
        return { outcome: 'failed', why: 'cancelled' };
      },
    });
    await connected();
    const id = randomUUID();
    send({ type: 'cancel-face', id: randomUUID() });
    send({ type: 'capture-face', id, capture: randomUUID() });
    await vi.waitFor(() => expect(signals.map(({ aborted }) => aborted)).toEqual([false]));
    end(id);
    await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true));
  });

  it('sends a report as base64, and says so when it is too large', async () => {
    const pdf = Buffer.from('%PDF-1.7 \xff', 'latin1');
    respond = async () => ({ status: 200, contentType: 'application/pdf', body: pdf });
    dial();
    await connected();
    send({ type: 'call', id: randomUUID(), call: 'captureReport', params: { tguid: 'x' } });
    await vi.waitFor(() => expect(messages('answer')).toHaveLength(1));
    expect(messages('answer')[0]).toMatchObject({ contentType: 'application/pdf', body: pdf.toString('base64') });
    respond = async () => ({ status: 200, contentType: 'application/pdf', body: new Uint8Array(7 * 1024 * 1024) });
    send({ type: 'call', id: randomUUID(), call: 'captureReport', params: { tguid: 'x' } });
    await vi.waitFor(() => expect(messages('answer')).toHaveLength(2));
    expect(messages('answer')[1]).toMatchObject({ status: 500 });
  });

  it('limits calls that are under way', async () => {
    const held = Promise.withResolvers<CallAnswer>();
    respond = () => held.promise;
    dial();
    await connected();
    for (let n = 0; n < 17; n++) send({ type: 'call', id: randomUUID(), call: 'captureSend', params: {} });
    await vi.waitFor(() => expect(messages('answer')).toHaveLength(1));
    expect(messages('answer')[0]).toMatchObject({ status: 503 });
    held.resolve({ status: 200, contentType: 'application/json', body: '{}' });
    await vi.waitFor(() => expect(messages('answer')).toHaveLength(17));
  });

  it.each([
    'not json',
    '{"type":"call"}',
    JSON.stringify({ type: 'call', id: randomUUID(), call: 'format', params: {} }),
  ])('hangs up on %s and comes back', async (text) => {
    dial();
    await connected();
    const [first] = gateway.links;
    const closed = first && once(first, 'close');
    send(text);
    expect((await closed)?.[0]).toBe(1008);
    await vi.waitFor(() => expect(gateway.links).toHaveLength(2));
    expect(calls).toEqual([]);
  });

  it('comes back when the gateway does, and dials as long as it is refused', async () => {
    const onLost = vi.fn();
    dial({ onLost });
    await connected();
    await gateway.stop();
    await vi.waitFor(() => expect(onLost.mock.calls.length).toBeGreaterThan(3));
    expect(link.connected).toBe(false);
    await gateway.start();
    await connected();
    await vi.waitFor(() => expect(link.connected).toBe(true));
  });

  it('keeps dialling when its key is refused', async () => {
    const onLost = vi.fn();
    dial({ key: 'revoked', onLost });
    await vi.waitFor(() => expect(onLost.mock.calls.length).toBeGreaterThan(2));
    expect(onLost).toHaveBeenCalledWith(0);
    expect(gateway.links).toEqual([]);
  });

  it('finds a peer that is silent, and dials anew', async () => {
    dial({ pingMs: 20 });
    await connected();
    const [first] = gateway.links;
    // The peer neither reads nor answers any more, as one whose network went away.
    first?.pause();
    await vi.waitFor(() => expect(gateway.links.length).toBeGreaterThan(1));
  });

  it('does not dial any more once it is closed', async () => {
    const onLost = vi.fn();
    dial({ onLost });
    await connected();
    const [first] = gateway.links;
    const gone = first && once(first, 'close');
    link.close();
    await gone;
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledOnce());
    expect(gateway.links).toHaveLength(1);
  });
});
