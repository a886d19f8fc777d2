import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newTransaction } from '@atesto/shared/contracts/gateway';
import { createKeyRing } from '@atesto/shared/vault/key-ring';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodePng } from '../imaging/png.ts';
import { FakeGateway, problem, STATION_KEY } from '../link/fake-gateway.fixture.ts';
import { GatewayClient } from '../link/gateway-client.ts';
import { ridges } from '../session/fake-readers.fixture.ts';
import { Delivery, EXPIRY_MS } from './delivery.ts';
import { Outbox } from './outbox.ts';
import { openStore } from './store.ts';

let gateway: FakeGateway;
let client: GatewayClient;
let outbox: Outbox;
let delivery: Delivery;
let folder: string;
let db: ReturnType<typeof openStore>;
let now: number;

beforeEach(async () => {
  gateway = await new FakeGateway().start();
  client = new GatewayClient({ url: gateway.url, key: STATION_KEY, answerTimeoutMs: 500 });
  folder = mkdtempSync(join(tmpdir(), 'atesto-delivery-'));
  db = openStore({ file: join(folder, 'outbox.sqlite') });
  now = Date.now();
  const keys = createKeyRing([{ id: 'k1', key: Buffer.alloc(32, 1) }], Buffer.alloc(32, 2));
  outbox = new Outbox({ db, keys, now: () => now });
  delivery = new Delivery({ outbox, gateway: client, now: () => now, backOff: { baseMs: 20, maxMs: 60 } });
});
afterEach(async () => {
  await client.close();
  await delivery.close();
  db.close();
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

function pending(evidence = false): string {
  const tguid = randomUUID();
  const captures = [randomUUID(), randomUUID()] as const;
  const extra = evidence ? randomUUID() : undefined;
  outbox.store(
    {
      tguid,
      kind: 'enroll',
      subject: '52998224725',
      operator: {
        cpf: '11144477735',
        verification: evidence ? 'deferred' : 'verified',
        ...(extra !== undefined && { evidence: extra }),
      },
      capturedAt: 1_790_000_000_000,
      biometrics: [
        { index: 6, capture: captures[0] },
        { index: 7, capture: captures[1] },
      ],
    },
    [...captures, ...(extra === undefined ? [] : [extra])].map((capture, seed) => ({
      capture,
      png: encodePng(ridges(seed)),
    })),
  );
  outbox.release(tguid);
  return tguid;
}

const state = (tguid: string) => outbox.get(tguid)?.state;

describe('delivery', () => {
  it('uploads the pictures, then posts the transaction under the TGUID, and destroys the payload', async () => {
    const tguid = pending(true);
    expect(await delivery.deliver(tguid)).toMatchObject({ kind: 'accepted', view: { id: tguid } });
    expect(state(tguid)).toBe('delivered');
    expect(gateway.seen.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'PUT', 'POST']);
    const accepted = gateway.transactions.get(tguid)?.body;
    expect(accepted).toMatchObject({
      id: tguid,
      kind: 'spid.enroll',
      subject: { cpf: '52998224725' },
      operator: { cpf: '11144477735', verification: 'deferred', evidence: expect.any(String) },
      capturedAt: 1_790_000_000_000,
    });
    expect(await delivery.deliver(tguid)).toEqual({ kind: 'gone' });
  });

  it('uploads the pictures at once', async () => {
    const tguid = pending(true);
    const all = Promise.withResolvers<void>();
    gateway.behaviours.push(async ({ method }) => {
      if (gateway.count('PUT', /captures/) === 3) all.resolve();
      // None is answered before all have come.
      if (method === 'PUT') await all.promise;
      return false;
    });
    expect(await delivery.deliver(tguid)).toMatchObject({ kind: 'accepted' });
    expect(gateway.captures.size).toBe(3);
  });

  it('posts nothing while a picture is refused', async () => {
    const tguid = pending();
    gateway.behaviours.push(
      ({ path }, response) => path === gateway.seen[1]?.path && Boolean(problem(response, 503, 'storage-unavailable')),
    );
    expect(await delivery.deliver(tguid)).toMatchObject({ kind: 'kept', reason: 'gateway-503' });
    expect(gateway.count('POST', /transactions$/)).toBe(0);
  });

  it('is one delivery for two callers', async () => {
    const tguid = pending();
    const [one, two] = await Promise.all([delivery.deliver(tguid), delivery.deliver(tguid)]);
    expect(one).toBe(two);
    expect(gateway.count('POST', /transactions$/)).toBe(1);
  });

  it('repeats what was cut off, and the gateway has it once', async () => {
    const tguid = pending();
    // The body arrived and was accepted; the answer is lost.
    let cut = true;
    gateway.behaviours.push((seen, response) => {
      if (!cut || seen.path !== '/v1/transactions') return false;
      cut = false;
      const body = newTransaction.parse(JSON.parse(seen.body.toString()));
      gateway.transactions.set(tguid, { body, view: gateway.view(tguid) });
      response.socket?.destroy();
      return true;
    });
    expect(await delivery.deliver(tguid)).toMatchObject({ kind: 'kept', reason: 'gateway-broken' });
    expect(state(tguid)).toBe('pending');
    expect(await delivery.deliver(tguid)).toMatchObject({ kind: 'accepted' });
    expect(gateway.transactions.size).toBe(1);
  });

  it.each([
    [422, 'refused', 'some-code'],
    [400, 'refused', 'some-code'],
    [401, 'kept', 'gateway-401'],
    [403, 'kept', 'gateway-403'],
    [429, 'kept', 'gateway-429'],
    [503, 'kept', 'gateway-503'],
  ])('%i: %s', async (status, kind, reason) => {
    const tguid = pending();
    gateway.behaviours.push((_seen, response) => Boolean(problem(response, status, 'some-code')));
    expect(await delivery.deliver(tguid)).toMatchObject({ kind, reason });
    expect(state(tguid)).toBe(kind === 'kept' ? 'pending' : 'refused');
  });

  it.each(['digest-mismatch', 'unknown-capture'])('%s is mended by another upload', async (code) => {
    const tguid = pending();
    let times = 0;
    gateway.behaviours.push((_seen, response) => {
      times += 1;
      return times === 1 && Boolean(problem(response, 400, code));
    });
    expect(await delivery.deliver(tguid)).toEqual({ kind: 'kept', reason: code, away: false });
    expect(await delivery.deliver(tguid)).toMatchObject({ kind: 'accepted' });
  });

  it('delivers by itself when the gateway is back, without being told', async () => {
    await gateway.stop();
    const items = [pending(), pending(), pending()];
    delivery.wake();
    await vi.waitFor(() => expect(items.some((tguid) => (outbox.get(tguid)?.attempts ?? 0) > 0)).toBe(true));
    await gateway.start();
    now += 1_000;
    await vi.waitFor(() => expect(items.map(state)).toEqual(['delivered', 'delivered', 'delivered']), 5_000);
  });

  it('does not wait for a clock that was set back', async () => {
    await gateway.stop();
    const tguid = pending();
    delivery.wake();
    await vi.waitFor(() => expect(outbox.get(tguid)?.attempts).toBe(1));
    now -= 600_000;
    await gateway.start();
    await vi.waitFor(() => expect(state(tguid)).toBe('delivered'), 5_000);
  });

  it('is woken by the link before the back-off is over', async () => {
    delivery = new Delivery({ outbox, gateway: client, backOff: { baseMs: 600_000, maxMs: 600_000 } });
    await gateway.stop();
    const tguid = pending();
    delivery.wake();
    await vi.waitFor(() => expect(outbox.get(tguid)?.attempts).toBe(1));
    await gateway.start();
    delivery.wake();
    await vi.waitFor(() => expect(state(tguid)).toBe('delivered'));
  });

  it('does not let one bad item hold up the others', async () => {
    const bad = pending();
    gateway.behaviours.push((seen, response) => seen.body.includes(bad) && Boolean(problem(response, 500, 'x')));
    const good = pending();
    expect(await delivery.deliverAll()).toEqual({ delivered: 1, kept: 1, away: false });
    expect([state(bad), state(good)]).toEqual(['pending', 'delivered']);
  });

  it('stops at the first where the gateway is away', async () => {
    await gateway.stop();
    const items = [pending(), pending()];
    expect(await delivery.deliverAll()).toEqual({ delivered: 0, kept: 1, away: true });
    expect(items.map((tguid) => outbox.get(tguid)?.attempts).sort()).toEqual([0, 1]);
  });

  it('6.5: what waited 30 days has to be collected anew, and is not kept', async () => {
    const tguid = pending();
    now += EXPIRY_MS + 1;
    expect(await delivery.deliver(tguid)).toEqual({ kind: 'refused', reason: 'expired' });
    expect(gateway.seen).toEqual([]);
    expect(() => outbox.read(tguid)).toThrow(expect.objectContaining({ kind: 'missing' }));
  });

  it('sends nothing of what it cannot read whole', async () => {
    const tguid = pending();
    const { biometrics } = outbox.read(tguid);
    db.prepare('update image set content = ? where capture = ?').run(Buffer.alloc(64), biometrics[1]?.capture ?? '');
    const putCapture = vi.spyOn(client, 'putCapture');
    expect(await delivery.deliver(tguid)).toEqual({ kind: 'kept', reason: 'outbox-unreadable', away: false });
    expect(putCapture).not.toHaveBeenCalled();
  });

  it('keeps what it cannot open now', async () => {
    const tguid = pending();
    const other = createKeyRing([{ id: 'k2', key: Buffer.alloc(32, 5) }], Buffer.alloc(32, 2));
    const blind = new Delivery({ outbox: new Outbox({ db, keys: other }), gateway: client });
    expect(await blind.deliver(tguid)).toEqual({ kind: 'kept', reason: 'outbox-unreadable', away: false });
    await blind.close();
    expect(state(tguid)).toBe('pending');
    expect(await delivery.deliver(tguid)).toMatchObject({ kind: 'accepted' });
  });
});
