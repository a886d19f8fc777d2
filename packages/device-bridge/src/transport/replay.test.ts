import { beforeEach, describe, expect, it } from 'vitest';
import { ReplayTransport } from './replay.ts';
import type { UsbConnection } from './transport.ts';
import { DESCRIBED, type EventSpec, writeUsbmon } from './usbmon.fixture.ts';
import { VirtualClock } from './virtual-clock.ts';

const READ_7 = { request: 4, value: 7, index: 0 };
const options = { timeoutMs: 100 };

/** Interrupt read pending; status read; interrupt comes after a write; the last interrupt read is taken back. */
const EVENTS: EventSpec[] = [
  ...DESCRIBED,
  { id: 2, event: 'S', transfer: 'interrupt', endpoint: 0x81 },
  { id: 3, event: 'S', transfer: 'control', endpoint: 0x80, setup: 'c004070000000100' },
  { id: 3, event: 'C', transfer: 'control', endpoint: 0x80, data: '03' },
  { id: 4, event: 'S', transfer: 'control', endpoint: 0x00, setup: '4004070000000100', data: '83' },
  { id: 2, event: 'C', transfer: 'interrupt', endpoint: 0x81, data: '56aa' },
  { id: 4, event: 'C', transfer: 'control', endpoint: 0x00 },
  { id: 2, event: 'S', transfer: 'interrupt', endpoint: 0x81 },
  { id: 5, event: 'S', transfer: 'bulk', endpoint: 0x02, data: 'c1a0' },
  { id: 5, event: 'C', transfer: 'bulk', endpoint: 0x02 },
  { id: 6, event: 'S', transfer: 'bulk', endpoint: 0x82 },
  { id: 6, event: 'C', transfer: 'bulk', endpoint: 0x82, status: -32 },
  { id: 2, event: 'C', transfer: 'interrupt', endpoint: 0x81, status: -2 },
];

let clock: VirtualClock;
let transport: ReplayTransport;
let connection: UsbConnection;

beforeEach(async () => {
  clock = new VirtualClock();
  transport = new ReplayTransport(writeUsbmon(EVENTS), { clock });
  connection = await transport.open('1234:5678@replay');
});

const interrupt = (timeoutMs = 100): Promise<Uint8Array> => connection.interruptIn(0x81, 64, { timeoutMs });

describe('a replayed recording', () => {
  it('plays to its end', async () => {
    const first = interrupt();
    expect(await connection.controlIn(READ_7, 1, options)).toEqual(Uint8Array.of(3));
    await connection.controlOut(READ_7, Uint8Array.of(0x83), options);
    expect(await first).toEqual(Uint8Array.of(0x56, 0xaa));
    const last = expect(interrupt()).rejects.toMatchObject({ kind: 'timeout' });
    await connection.bulkOut(0x02, Uint8Array.of(0xc1, 0xa0), options);
    expect(transport.remaining()).toHaveLength(1);
    await expect(connection.bulkIn(0x82, 64, options)).rejects.toMatchObject({ kind: 'stall' });
    await last;
    expect(transport.remaining()).toEqual([]);
    await expect(connection.bulkIn(0x82, 64, options)).rejects.toMatchObject({ kind: 'timeout' });
    await connection.close();
  });

  it('lets the device speak only after the host has asked what it had asked by then', async () => {
    await expect(interrupt()).rejects.toMatchObject({ kind: 'timeout' });
    expect(clock.now()).toBe(100);
    await connection.controlIn(READ_7, 1, options);
    await expect(interrupt()).rejects.toMatchObject({ kind: 'timeout' });
    const waiting = interrupt();
    await connection.controlOut(READ_7, Uint8Array.of(0x83), options);
    expect(await waiting).toEqual(Uint8Array.of(0x56, 0xaa));
  });

  it('holds an answer back until another endpoint is asked, too', async () => {
    await expect(connection.controlIn(READ_7, 1, options)).rejects.toMatchObject({ kind: 'timeout' });
    expect(transport.remaining()).toHaveLength(6);
  });

  it.each([
    ['another register', () => connection.controlIn({ ...READ_7, value: 8 }, 1, options)],
    ['another length', () => connection.controlIn(READ_7, 2, options)],
    ['a write instead of a read', () => connection.controlOut(READ_7, Uint8Array.of(3), options)],
    ['a write that was not there', () => connection.bulkOut(0x03, Uint8Array.of(1), options)],
    ['other bulk data', () => connection.bulkOut(0x02, Uint8Array.of(1), options)],
  ])('refuses %s', async (_, ask) => {
    await expect(ask()).rejects.toMatchObject({
      name: 'UsbError',
      kind: 'io',
      message: expect.stringContaining('replay'),
    });
  });

  it('refuses other data of a write, without telling it', async () => {
    const first = interrupt();
    await connection.controlIn(READ_7, 1, options);
    const wrong = connection.controlOut(READ_7, Uint8Array.of(0x42), options);
    await expect(wrong).rejects.toMatchObject({ kind: 'io', message: expect.not.stringMatching(/42|83/) });
    await expect(first).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('has one transfer on an endpoint, one owner, and ends with a signal', async () => {
    const abort = new AbortController();
    const first = connection.interruptIn(0x81, 64, { timeoutMs: 10_000, signal: abort.signal });
    await expect(interrupt()).rejects.toMatchObject({ kind: 'busy' });
    await expect(transport.open('1234:5678@replay')).rejects.toMatchObject({ kind: 'busy' });
    await expect(transport.open('other')).rejects.toMatchObject({ kind: 'disconnected' });
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await connection.close();
    await expect(interrupt()).rejects.toMatchObject({ kind: 'io' });
    await expect(transport.open('1234:5678@replay')).resolves.toBeDefined();
  });

  it('is a bus with one device', async () => {
    const seen: unknown[] = [];
    const watch = await transport.watch((devices) => seen.push(devices));
    const device = { id: '1234:5678@replay', vendorId: 0x1234, productId: 0x5678, release: 0x0103 };
    expect([await transport.list(), seen, watch.available]).toEqual([[device], [[device]], true]);
    watch.stop();
  });
});
