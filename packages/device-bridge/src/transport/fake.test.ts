import { beforeEach, describe, expect, it } from 'vitest';
import { FakeUsbTransport } from './fake.ts';
import type { UsbConnection, VendorRequest } from './transport.ts';
import { VirtualClock } from './virtual-clock.ts';
import { type DeviceWire, STALL, type VirtualUsbDevice } from './virtual-device.ts';

/** A device that does nothing on its own. Endpoints: 0x81 interrupt, 0x82 and 0x02 bulk, 64 bytes each. */
class Dummy implements VirtualUsbDevice {
  readonly descriptors;
  wire: DeviceWire | undefined;
  plugs = 0;
  answer: Uint8Array | typeof STALL | Promise<never> = Uint8Array.of(1, 2, 3);
  readonly written: string[] = [];
  reads: number[] = [];

  constructor(serial?: string) {
    this.descriptors = {
      device: Buffer.from('120100020000004034127856030101020301', 'hex'),
      configuration: Buffer.from(
        '0902270001010080640904000003ffffff0007058103400008070582024000000705020240000009',
        'hex',
      ),
      strings: serial ? { serial, product: 'Dummy' } : {},
    };
  }
  connect(wire: DeviceWire): void {
    this.wire = wire;
    this.plugs += 1;
  }
  disconnect(): void {
    this.wire = undefined;
  }
  controlIn() {
    return this.answer;
  }
  controlOut({ value }: VendorRequest, data: Uint8Array) {
    this.written.push(`${value}:${Buffer.from(data).toString('hex')}`);
    return value === 0xbad ? STALL : undefined;
  }
  readStarted(endpoint: number): void {
    this.reads.push(endpoint);
  }
}

const options = { timeoutMs: 100 };
const SETUP = { request: 4, value: 7, index: 0 };
let clock: VirtualClock;
let transport: FakeUsbTransport;
let model: Dummy;
let connection: UsbConnection;

beforeEach(async () => {
  clock = new VirtualClock();
  transport = new FakeUsbTransport({ clock });
  model = new Dummy('S1');
  transport.plug(model);
  connection = await transport.open('1234:5678:S1');
});

const bulk = (length: number, timeoutMs = 100): Promise<Uint8Array> => connection.bulkIn(0x82, length, { timeoutMs });

describe('a virtual device', () => {
  it('answers control requests, also by refusing or by hanging', async () => {
    expect(await connection.controlIn(SETUP, 2, { timeoutMs: 100 })).toEqual(Uint8Array.of(1, 2));
    await connection.controlOut(SETUP, Uint8Array.of(0xab), { timeoutMs: 100 });
    await connection.controlOut(SETUP, new Uint8Array(0), { timeoutMs: 100 });
    expect(model.written).toEqual(['7:ab', '7:']);
    model.answer = STALL;
    await expect(connection.controlIn(SETUP, 2, { timeoutMs: 100 })).rejects.toMatchObject({ kind: 'stall' });
    const bad = connection.controlOut({ ...SETUP, value: 0xbad }, new Uint8Array(1), { timeoutMs: 100 });
    await expect(bad).rejects.toMatchObject({ kind: 'stall' });
    await expect(connection.bulkOut(0x02, new Uint8Array(1), { timeoutMs: 100 })).rejects.toMatchObject({
      kind: 'stall',
    });
    model.answer = new Promise<never>(() => undefined);
    const start = clock.now();
    await expect(connection.controlIn(SETUP, 2, { timeoutMs: 100 })).rejects.toMatchObject({ kind: 'timeout' });
    expect(clock.now() - start).toBe(100);
  });

  it('is heard only in time: nothing sent is a timeout', async () => {
    await expect(bulk(64)).rejects.toMatchObject({ kind: 'timeout' });
    expect(clock.now()).toBe(100);
    await expect(connection.interruptIn(0x81, 64, { timeoutMs: 100 })).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('keeps what it sent until it is read', async () => {
    model.wire?.send(0x82, Uint8Array.of(1));
    model.wire?.send(0x82, Uint8Array.of(2));
    expect([await bulk(64), await bulk(64)]).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    model.wire?.send(0x82, Uint8Array.of(3));
    model.wire?.flush(0x82);
    await expect(bulk(64)).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('ends a transfer of whole packets by an empty one, unless it forgets', async () => {
    model.wire?.send(0x82, new Uint8Array(128).fill(1));
    expect(await bulk(1_000)).toHaveLength(128);
    model.wire?.send(0x82, new Uint8Array(128), { zeroLengthPacket: false });
    await expect(bulk(1_000)).rejects.toMatchObject({ kind: 'timeout' });
    // What the timed-out transfer had is lost.
    model.wire?.send(0x82, Uint8Array.of(7));
    expect(await bulk(1_000)).toEqual(Uint8Array.of(7));
  });

  it('ends an interrupt read with its packet', async () => {
    model.wire?.send(0x81, new Uint8Array(64).fill(5));
    model.wire?.send(0x81, Uint8Array.of(6));
    expect(await connection.interruptIn(0x81, 64, options)).toHaveLength(64);
    expect(await connection.interruptIn(0x81, 64, options)).toEqual(Uint8Array.of(6));
  });

  it('is read in whole packets: the rest of the last one is cut off', async () => {
    model.wire?.send(0x82, new Uint8Array(100).fill(9));
    expect(await bulk(70)).toHaveLength(70);
    model.wire?.send(0x82, new Uint8Array(130).fill(9));
    expect(await bulk(64)).toHaveLength(64);
    expect(await bulk(64)).toHaveLength(64);
    expect(await bulk(64)).toHaveLength(2);
  });

  it('knows when it is read', async () => {
    expect(model.wire?.isReading(0x82)).toBe(false);
    const read = bulk(64);
    await Promise.resolve();
    expect([model.wire?.isReading(0x82), model.reads]).toEqual([true, [0x82]]);
    model.wire?.send(0x82, new Uint8Array(0));
    expect(await read).toHaveLength(0);
    expect(model.wire?.isReading(0x82)).toBe(false);
  });

  it('halts an endpoint once', async () => {
    model.wire?.stall(0x82);
    await expect(bulk(64)).rejects.toMatchObject({ kind: 'stall' });
    model.wire?.send(0x82, Uint8Array.of(1));
    expect(await bulk(64)).toEqual(Uint8Array.of(1));
  });

  it('has one transfer at a time on an endpoint', async () => {
    const first = bulk(64);
    await expect(bulk(64)).rejects.toMatchObject({ kind: 'busy' });
    model.wire?.send(0x82, Uint8Array.of(1));
    await first;
  });

  it('when it is unplugged ends what is pending, and is gone', async () => {
    const wire = model.wire;
    model.answer = new Promise<never>(() => undefined);
    const pending = [
      bulk(64),
      connection.interruptIn(0x81, 64, { timeoutMs: 5_000 }),
      connection.controlIn(SETUP, 1, { timeoutMs: 5_000 }),
    ].map((work) => expect(work).rejects.toMatchObject({ kind: 'disconnected' }));
    transport.unplug(model);
    await Promise.all(pending);
    expect(clock.now()).toBe(0);
    await expect(bulk(64)).rejects.toMatchObject({ kind: 'disconnected' });
    await expect(connection.controlIn(SETUP, 1, { timeoutMs: 100 })).rejects.toMatchObject({ kind: 'disconnected' });
    wire?.send(0x82, Uint8Array.of(1));
    wire?.unplug();
    await connection.close();
    expect(await transport.list()).toEqual([]);
    transport.plug(model);
    connection = await transport.open('1234:5678:S1');
    expect(model.plugs).toBe(2);
  });

  it('is closed only when its transfers have ended', async () => {
    const read = expect(connection.interruptIn(0x81, 64, { timeoutMs: 5_000 })).rejects.toMatchObject({
      kind: 'timeout',
    });
    await connection.close();
    await read;
    // One slice, not the whole time of the call.
    expect(clock.now()).toBe(25);
    await expect(bulk(64)).rejects.toMatchObject({ kind: 'io' });
  });
});

describe('the virtual bus', () => {
  it('tells of devices that come and go', async () => {
    const seen: string[][] = [];
    const watch = await transport.watch((devices) => seen.push(devices.map(({ id }) => id)));
    const other = new Dummy();
    transport.plug(other, { port: '2.1' });
    await expect.poll(() => seen.length).toBe(2);
    transport.unplug(model);
    await expect.poll(() => seen.length).toBe(3);
    expect(seen).toEqual([['1234:5678:S1'], ['1234:5678:S1', '1234:5678@1-2.1'], ['1234:5678@1-2.1']]);
    watch.stop();
  });

  it('refuses as told', async () => {
    await connection.close();
    for (const why of ['busy', 'access'] as const) {
      transport.refuse(model, why);
      await expect(transport.open('1234:5678:S1')).rejects.toMatchObject({ kind: why });
    }
    transport.refuse(model, undefined);
    await expect(transport.open('1234:5678:S1')).resolves.toBeDefined();
    await expect(transport.open('1234:5678:S2')).rejects.toMatchObject({ kind: 'disconnected' });
  });

  it('may be missing', async () => {
    transport.available = false;
    await expect(transport.list()).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('takes no model without a descriptor or with an endpoint that is not there', () => {
    const broken = new Dummy();
    broken.descriptors.device = Buffer.alloc(3);
    expect(() => transport.plug(broken)).toThrow(RangeError);
    expect(() => model.wire?.send(0x85, new Uint8Array(1))).toThrow(RangeError);
  });
});
