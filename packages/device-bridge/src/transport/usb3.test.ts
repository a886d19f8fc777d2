import { beforeEach, describe, expect, it } from 'vitest';
import type { UsbConnection, UsbDeviceInfo } from './transport.ts';
import { HandBus, HandDevice, type NativeCall, received } from './usb3.fixture.ts';
import { Usb3Transport } from './usb3.ts';
import { VirtualClock } from './virtual-clock.ts';

const ID = '05ba:000a:{GUID}';
const SETUP = { request: 4, value: 7, index: 0 };

let clock: VirtualClock;
let bus: HandBus;
let device: HandDevice;
let transport: Usb3Transport;

beforeEach(() => {
  clock = new VirtualClock();
  bus = new HandBus();
  device = new HandDevice();
  bus.devices = [device];
  transport = new Usb3Transport({ webUsb: bus, clock, platform: 'linux' });
});

/** Lets promises settle; the clock stands still meanwhile unless it has an appointment. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

/** Waits for a condition, first without and then with the clock going on, one appointment at a time. */
async function until<T>(find: () => T | false | undefined): Promise<T> {
  for (let turn = 0; turn < 1_000; turn++) {
    await settle();
    const found = find();
    if (found) return found;
    await new Promise(setImmediate);
  }
  throw new Error(`never: ${find}`);
}

/** The native call with this number once it was made. */
const nativeCall = (number: number): Promise<NativeCall> => until(() => device.calls[number]);

const open = (): Promise<UsbConnection> => transport.open(ID);

describe('transfers', () => {
  it('get the timeout as a further argument, never 0', async () => {
    const connection = await open();
    const read = connection.controlIn(SETUP, 1, { timeoutMs: 5_000 });
    (await nativeCall(0)).resolve(received(3));
    expect(await read).toEqual(Uint8Array.of(3));
    expect(device.calls[0]?.args).toEqual([{ requestType: 'vendor', recipient: 'device', ...SETUP }, 1, 5_000]);
    const hasty = connection.bulkIn(0x82, 64, { timeoutMs: 0 });
    (await nativeCall(1)).resolve(received(1));
    await hasty;
    expect(device.calls[1]?.args).toEqual([2, 64, 1]);
  });

  it('reject with a kind for what the library says', async () => {
    const connection = await open();
    const read = connection.bulkIn(0x82, 64, { timeoutMs: 100 });
    (await nativeCall(0)).reject('transferIn error: Cancelled');
    await expect(read).rejects.toMatchObject({ name: 'UsbError', kind: 'timeout' });
    const control = connection.controlIn(SETUP, 1, { timeoutMs: 100 });
    (await nativeCall(1)).reject('controlTransferIn error: device disconnected');
    await expect(control).rejects.toMatchObject({ kind: 'disconnected' });
  });

  it('that stall reject, and the endpoint is cleared for the next', async () => {
    const connection = await open();
    const read = connection.bulkIn(0x82, 64, { timeoutMs: 100 });
    (await nativeCall(0)).reject('transferIn error: Stall');
    await expect(read).rejects.toMatchObject({ kind: 'stall' });
    expect(device.log.at(-1)).toBe('clearHalt in 2');
    const control = connection.controlIn(SETUP, 1, { timeoutMs: 100 });
    (await nativeCall(1)).resolve({ status: 'stall', bytesWritten: 0 });
    await expect(control).rejects.toMatchObject({ kind: 'stall' });
  });

  it('without data are given an empty array, which the library needs', async () => {
    const connection = await open();
    const write = connection.controlOut(SETUP, new Uint8Array(0), { timeoutMs: 100 });
    (await nativeCall(0)).resolve({ bytesWritten: 0 });
    await write;
    expect(device.calls[0]?.args[1]).toEqual(new Uint8Array(0));
  });

  it('that were written in part are an error', async () => {
    const connection = await open();
    const write = connection.bulkOut(0x02, Uint8Array.of(1, 2, 3), { timeoutMs: 100 });
    (await nativeCall(0)).resolve({ bytesWritten: 2 });
    await expect(write).rejects.toMatchObject({ kind: 'io' });
  });

  it('are cut to the asked length, since the library rounds up to whole packets', async () => {
    const connection = await open();
    const read = connection.bulkIn(0x82, 2, { timeoutMs: 100 });
    (await nativeCall(0)).resolve(received(1, 2, 3, 4));
    expect(await read).toEqual(Uint8Array.of(1, 2));
  });

  it('may be empty: a transfer that the device ended at once', async () => {
    const connection = await open();
    const read = connection.bulkIn(0x82, 64, { timeoutMs: 100 });
    (await nativeCall(0)).resolve(received());
    expect(await read).toHaveLength(0);
  });

  it('of an interrupt endpoint are polled in slices, idle ones quietly', async () => {
    const connection = await open();
    const read = connection.interruptIn(0x81, 64, { timeoutMs: 60_000 });
    (await nativeCall(0)).reject('transferIn error: Cancelled');
    (await nativeCall(1)).reject('transferIn error: Cancelled');
    (await nativeCall(2)).resolve(received(0x56, 0xaa));
    expect(await read).toEqual(Uint8Array.of(0x56, 0xaa));
    expect(device.calls.map((call) => call.args[2])).toEqual([500, 500, 500]);
  });

  it('of an interrupt endpoint end with the time of the call', async () => {
    const connection = await open();
    const read = connection.interruptIn(0x81, 64, { timeoutMs: 700 });
    for (const [number, at] of [500, 700].entries()) {
      const call = await nativeCall(number);
      clock.after(at - clock.now(), () => call.reject('transferIn error: Cancelled'));
    }
    await expect(read).rejects.toMatchObject({ kind: 'timeout' });
    expect(device.calls.map((call) => call.args[2])).toEqual([500, 200]);
  });

  it('of a bulk endpoint are one native transfer however long: what a timed-out one had is lost', async () => {
    const connection = await open();
    const read = connection.bulkIn(0x82, 111_424, { timeoutMs: 1_500 });
    const call = await nativeCall(0);
    expect(call.args).toEqual([2, 111_424, 1_500]);
    call.resolve(received(1));
    await read;
    expect(device.calls).toHaveLength(1);
  });

  it('end with the reason of an aborted signal; the next on that endpoint waits for the one left behind', async () => {
    const connection = await open();
    const abort = new AbortController();
    const read = connection.bulkIn(0x82, 64, { timeoutMs: 1_000, signal: abort.signal });
    const left = await nativeCall(0);
    abort.abort(new Error('enough'));
    await expect(read).rejects.toThrow('enough');
    const next = connection.bulkIn(0x82, 64, { timeoutMs: 1_000 });
    await settle();
    expect(device.calls).toHaveLength(1);
    left.reject('transferIn error: Cancelled');
    (await nativeCall(1)).resolve(received(9));
    expect(await next).toEqual(Uint8Array.of(9));
  });

  it('with a signal that is aborted already never start', async () => {
    const connection = await open();
    const signal = AbortSignal.abort(new Error('before'));
    await expect(connection.interruptIn(0x81, 64, { timeoutMs: 1_000, signal })).rejects.toThrow('before');
    expect(device.calls).toEqual([]);
  });

  it('that never complete (Windows) end as a timeout a little after their time', async () => {
    const connection = await open();
    await expect(connection.bulkIn(0x82, 64, { timeoutMs: 1_000 })).rejects.toMatchObject({ kind: 'timeout' });
    expect(clock.now()).toBe(1_500);
    // And the endpoint stays taken, for as long as the caller has.
    await expect(connection.bulkIn(0x82, 64, { timeoutMs: 300 })).rejects.toMatchObject({ kind: 'timeout' });
    expect(device.calls).toHaveLength(1);
  });

  it('are one at a time on an endpoint, and free on others', async () => {
    const connection = await open();
    const first = connection.interruptIn(0x81, 64, { timeoutMs: 1_000 });
    await expect(connection.interruptIn(0x81, 64, { timeoutMs: 1_000 })).rejects.toMatchObject({ kind: 'busy' });
    const other = connection.controlIn(SETUP, 1, { timeoutMs: 1_000 });
    (await nativeCall(0)).resolve(received(1));
    (await nativeCall(1)).resolve(received(2));
    expect(await Promise.all([first, other])).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
  });
});

describe('opening', () => {
  it('detaches the kernel driver on Linux before the interface is claimed, whether there is one or not', async () => {
    await open();
    expect(device.log).toEqual(['open', 'detach', 'claim']);
  });

  it('detaches nothing elsewhere', async () => {
    transport = new Usb3Transport({ webUsb: bus, clock, platform: 'win32' });
    await open();
    expect(device.log).toEqual(['open', 'claim']);
  });

  it.each([
    ['open error: permission denied (errno 13)', undefined, 'access', ['open']],
    [undefined, 'claimInterface error: interface is busy (errno 16)', 'busy', ['open', 'detach', 'claim', 'close']],
  ] as const)('that fails leaves the device closed (%s %s)', async (openText, claimText, kind, log) => {
    device.openText = openText;
    device.claimText = claimText;
    await expect(open()).rejects.toMatchObject({ name: 'UsbError', kind });
    expect(device.log).toEqual(log);
    device.openText = undefined;
    device.claimText = undefined;
    await expect(open()).resolves.toBeDefined();
  });

  it('is for one owner', async () => {
    const connection = await open();
    await expect(open()).rejects.toMatchObject({ kind: 'busy' });
    await connection.close();
    await expect(open()).resolves.toBeDefined();
  });

  it('of a device that is gone says so', async () => {
    bus.devices = [];
    await expect(open()).rejects.toMatchObject({ kind: 'disconnected' });
  });

  it('after a quick unplug and plug takes the new device object', async () => {
    await transport.list();
    const again = new HandDevice(8);
    bus.devices = [again];
    await open();
    expect([device.log, again.log]).toEqual([[], ['open', 'detach', 'claim']]);
  });
});

describe('closing', () => {
  it('waits for what is under way, since the library cancels nothing', async () => {
    const connection = await open();
    const read = connection.interruptIn(0x81, 64, { timeoutMs: 60_000 });
    const call = await nativeCall(0);
    const closed = connection.close();
    await settle();
    expect(device.log).not.toContain('release');
    call.reject('transferIn error: Cancelled');
    await expect(read).rejects.toMatchObject({ kind: 'timeout' });
    await closed;
    expect(device.log.slice(-2)).toEqual(['release', 'close']);
    expect(device.calls).toHaveLength(1);
    await expect(connection.controlIn(SETUP, 1, { timeoutMs: 10 })).rejects.toMatchObject({ kind: 'io' });
  });

  it('waits for a transfer left behind, but not for ever', async () => {
    const connection = await open();
    const abort = new AbortController();
    const read = connection.bulkIn(0x82, 64, { timeoutMs: 1_000, signal: abort.signal });
    await nativeCall(0);
    abort.abort();
    await expect(read).rejects.toThrow();
    await connection.close();
    expect(clock.now()).toBe(5_500);
    expect(device.log.slice(-2)).toEqual(['release', 'close']);
  });

  it('twice is one closing, and never throws', async () => {
    const connection = await open();
    device.releaseInterface = () => Promise.reject(new Error('releaseInterface error: Disconnected'));
    await Promise.all([connection.close(), connection.close()]);
    expect(device.log.filter((name) => name === 'close')).toHaveLength(1);
  });

  it('comes before the next opening of the same device: the native object allows no overlap', async () => {
    const connection = await open();
    let finish: (() => void) | undefined;
    device.close = () => {
      device.log.push('close');
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    const closed = connection.close();
    await until(() => finish);
    await expect(open()).rejects.toMatchObject({ kind: 'busy' });
    finish?.();
    await closed;
    await open();
    expect(device.log.slice(-4)).toEqual(['close', 'open', 'detach', 'claim']);
  });
});

describe('the list', () => {
  it('names devices by serial number, and reads strings once for each plug', async () => {
    expect(await transport.list()).toEqual([
      {
        id: ID,
        vendorId: 0x05ba,
        productId: 0x000a,
        release: 0x0103,
        serialNumber: '{GUID}',
        productName: 'U.are.U® 4500 Fingerprint Reader',
      },
    ]);
    await transport.list();
    await transport.list();
    expect(device.stringReads).toBe(2);
  });

  it.each([null, '', new Error('getString error')])(
    'names a device without a serial number (%s) by its port',
    async (serial) => {
      device.serial = serial;
      expect((await transport.list())[0]?.id).toBe('05ba:000a@1-4.2');
    },
  );

  it('names the second of two devices with one serial number by its port', async () => {
    bus.devices = [device, new HandDevice(9)];
    const ids = (await transport.list()).map(({ id }) => id);
    expect(ids).toEqual([ID, '05ba:000a@1-4.2']);
    bus.devices.reverse();
    expect((await transport.list()).map(({ id }) => id)).toEqual(ids.reverse());
  });

  it('leaves devices that nobody wants untouched', async () => {
    transport = new Usb3Transport({ webUsb: bus, clock, wanted: ({ vendorId }) => vendorId === 0x045e });
    expect(await transport.list()).toEqual([]);
    expect(device.stringReads).toBe(0);
  });

  it.each(['getDevices error: /sys/bus/usb/devices/ not found (errno 2)', 'anything else'])(
    'of a machine without USB is unavailable (%s)',
    async (text) => {
      bus.failure = text;
      await expect(transport.list()).rejects.toMatchObject({ name: 'UsbError', kind: 'unavailable' });
    },
  );
});

describe('the watch', () => {
  const seen: UsbDeviceInfo['id'][][] = [];
  const onChange = (devices: readonly UsbDeviceInfo[]): void => {
    seen.push(devices.map(({ id }) => id));
  };
  beforeEach(() => {
    seen.length = 0;
  });

  it('tells the list at once and at each event', async () => {
    const watch = await transport.watch(onChange);
    expect(watch).toMatchObject({ available: true });
    bus.devices = [];
    bus.fire();
    await until(() => seen.length === 2);
    expect(seen).toEqual([[ID], []]);
    watch.stop();
    expect(bus.listeners.size).toBe(0);
  });

  it('finds by its poll what no event told, every two seconds', async () => {
    const watch = await transport.watch(onChange);
    bus.devices = [];
    await until(() => seen.length === 2);
    expect(seen).toEqual([[ID], []]);
    expect(clock.now()).toBe(2_000);
    watch.stop();
    const { scans } = bus;
    bus.devices = [device];
    bus.fire();
    await settle();
    expect(bus.scans).toBe(scans);
  });

  it('tells of a device that was plugged out and in between two polls', async () => {
    const watch = await transport.watch(onChange);
    bus.devices = [new HandDevice(8)];
    await until(() => seen.length === 2);
    expect(seen).toEqual([[ID], [ID]]);
    watch.stop();
  });

  it('without a USB subsystem is empty, subscribes to nothing, and finds the bus when it comes', async () => {
    bus.failure = 'getDevices error: /sys/bus/usb/devices/ not found (errno 2)';
    const watch = await transport.watch(onChange);
    expect([seen, watch.available, bus.listeners.size]).toEqual([[[]], false, 0]);
    bus.failure = undefined;
    await until(() => seen.length === 2);
    expect(seen).toEqual([[], [ID]]);
    expect([watch.available, bus.listeners.size]).toEqual([true, 1]);
    watch.stop();
  });

  it('keeps its list through one failed enumeration, not through two', async () => {
    const watch = await transport.watch(onChange);
    bus.failure = 'getDevices error: a device went away';
    await until(() => bus.scans === 2);
    await settle();
    expect([seen, watch.available]).toEqual([[[ID]], true]);
    await until(() => seen.length === 2);
    expect(seen).toEqual([[ID], []]);
    expect(watch.available).toBe(false);
    watch.stop();
  });
});

it('the real library loads on first use, and without a bus says so', async () => {
  // Only its answer to this machine is looked at: a list, or the one error that stands for "no bus".
  const list = await new Usb3Transport({ wanted: () => false }).list().catch((error: unknown) => error);
  if (!Array.isArray(list)) expect(list).toMatchObject({ name: 'UsbError', kind: 'unavailable' });
});
