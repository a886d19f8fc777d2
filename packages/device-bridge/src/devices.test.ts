import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Devices } from './devices.ts';
import { FakeReaders } from './session/fake-readers.fixture.ts';
import { UsbError } from './transport/transport.ts';

let readers: FakeReaders;
let devices: Devices;
const onChange = vi.fn();
const never = new AbortController().signal;

beforeEach(async () => {
  onChange.mockReset();
  readers = new FakeReaders();
  devices = new Devices({
    transport: readers,
    match: readers.match,
    onChange,
    openTimeoutMs: 100,
    closeTimeoutMs: 100,
  });
  await devices.start();
});
afterEach(() => devices.stop());

describe('devices', () => {
  it('says what to do, from no reader to a ready one', () => {
    expect(devices.status()).toEqual({ kind: 'none', message: 'no reader: plug one in' });
    expect(devices.obstacle()).toBe('no reader: plug one in');
    readers.plug('1234:0001@1', 0x1234);
    expect(devices.status()).toMatchObject({ kind: 'unsupported' });
    readers.plug();
    expect(devices.status()).toEqual({ kind: 'ready', model: 'Test Reader' });
    expect(devices.obstacle()).toBeUndefined();
    expect(devices.views()).toEqual([{ model: 'Test Reader', ready: true }]);
    readers.unplug();
    expect(devices.views()).toEqual([]);
    expect(onChange).toHaveBeenCalledTimes(4);
  });

  it('works on a machine without USB', async () => {
    const none = Object.assign(new FakeReaders(), {
      watch: async () => {
        throw new UsbError('unavailable', 'no bus');
      },
    });
    const there = new Devices({ transport: none, match: none.match });
    await there.start();
    expect(there.status()).toEqual({ kind: 'none', message: 'no reader: this computer has no USB' });
  });

  it('opens on demand and lets go', async () => {
    readers.plug();
    expect(readers.open_).toBe(0);
    const lease = await devices.acquire(never);
    expect(readers.open_).toBe(1);
    await lease.release();
    expect(readers.open_).toBe(0);
  });

  it('has one owner per reader: the next one waits for it to be let go, not for ever', async () => {
    readers.plug();
    const first = await devices.acquire(never);
    const second = devices.acquire(never);
    await first.release();
    const lease = await second;
    expect(readers.open_).toBe(1);
    await expect(devices.acquire(never)).rejects.toMatchObject({
      kind: 'device-fault',
      message: 'the reader is still in use',
    });
    await lease.release();
  });

  it('tells the owner when the reader is unplugged, and a new plug starts anew', async () => {
    readers.plug();
    const lease = await devices.acquire(never);
    readers.unplug();
    expect(lease.lost.reason).toMatchObject({ kind: 'device-lost' });
    await expect(devices.acquire(never)).rejects.toMatchObject({ kind: 'device-lost' });
    readers.plug();
    await lease.release();
    const again = await devices.acquire(never);
    expect(again.lost.aborted).toBe(false);
    await again.release();
  });

  it.each([
    ['busy', 'another program uses the reader: close it'],
    ['access', 'this computer does not let the bridge use the reader'],
  ] as const)('%s: says so until it works', async (why, message) => {
    readers.plug();
    readers.refuseOpen = why;
    await expect(devices.acquire(never)).rejects.toMatchObject({ kind: 'device-fault', message });
    expect(devices.status()).toEqual({ kind: 'unusable', message });
    expect(devices.views()).toEqual([{ model: 'Test Reader', ready: false }]);
    expect(devices.obstacle(), 'may be tried again').toBeUndefined();
    readers.refuseOpen = undefined;
    await (await devices.acquire(never)).release();
    expect(devices.status()).toMatchObject({ kind: 'ready' });
  });

  it('does not wait for a reader that does not come up, and closes it when it does', async () => {
    const coming = Promise.withResolvers<void>();
    const close = vi.fn(async () => undefined);
    const slow = new Devices({
      transport: readers,
      openTimeoutMs: 20,
      match: () => ({
        model: 'Slow',
        load: async () => ({
          family: 'slow',
          open: async ({ device }) => {
            await coming.promise;
            return { device, model: 'Slow', capture: () => Promise.reject(new Error('unused')), close };
          },
        }),
      }),
    });
    readers.plug();
    await slow.start();
    await expect(slow.acquire(never)).rejects.toMatchObject({ kind: 'device-fault' });
    coming.resolve();
    await vi.waitFor(() => expect(close).toHaveBeenCalledOnce());
    slow.stop();
  });
});
