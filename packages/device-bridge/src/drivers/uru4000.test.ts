import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeUsbTransport } from '../transport/fake.ts';
import { VirtualClock } from '../transport/virtual-clock.ts';
import type { CaptureOptions, FingerEvent, FingerprintReader } from './driver.ts';
import { openReader } from './open-reader.ts';
import { uru4000Driver } from './uru4000.ts';
import { type Access, BLOCKS, ROWS, ScriptedReader } from './uru4000-device.fixture.ts';
import { expectedPicture } from './uru4000-scramble.fixture.ts';

/** From a failure to the capture's end, at most. */
const BOUND = 2_000;

let clock: VirtualClock;
let transport: FakeUsbTransport;
let model: ScriptedReader;
let reader: FingerprintReader | undefined;

beforeEach(() => {
  clock = new VirtualClock();
  transport = new FakeUsbTransport({ clock, sliceMs: 100 });
  model = new ScriptedReader(clock);
  transport.plug(model);
});

afterEach(async () => {
  await reader?.close();
  reader = undefined;
});

async function open(): Promise<FingerprintReader> {
  const [device] = await transport.list();
  reader = await openReader(transport, device?.id ?? '', { clock, seed: () => 0xdeadbeef });
  return reader;
}

const capture = async (options: Partial<CaptureOptions> = {}) =>
  (await openOnce()).capture({ timeoutMs: 5_000, ...options });
const openOnce = async (): Promise<FingerprintReader> => reader ?? (await open());

const PICTURE = expectedPicture(ROWS, BLOCKS, true);

/** The next capture, on the same reader unless it was given up. */
async function expectGoodCapture(): Promise<void> {
  const image = await capture();
  expect(Buffer.compare(image.pixels, PICTURE)).toBe(0);
}

describe('a sound reader', () => {
  it('gives the picture, the events and what its resolution is', async () => {
    const events: FingerEvent[] = [];
    const image = await capture({ onEvent: (event) => events.push(event) });
    expect(image).toMatchObject({ width: 384, height: 290 });
    expect(image.dpiX).toBeCloseTo(537.8, 1);
    expect(image.dpiY).toBeCloseTo(369.9, 1);
    expect(Buffer.compare(image.pixels, PICTURE)).toBe(0);
    expect(events).toEqual(['ready', 'finger-on', 'finger-off']);
    expect(reader?.model).toBe('DigitalPersona U.are.U 4500');
  });

  it('is asked in the order of the protocol', async () => {
    await capture();
    await reader?.close();
    const exchange = ['out 33 03efbeadde', 'in 34', 'out 33 04efbeadde', 'in 34'];
    expect(model.log).toEqual([
      'in 07',
      'out 07 83',
      'out 07 03',
      'in 07',
      'in f0',
      'out 4e 10',
      'out 4e 20',
      ...exchange,
      'out 4e 12',
      'out 4e 70',
    ]);
  });

  it('gives one picture after the other', async () => {
    for (let finger = 0; finger < 3; finger++) await expectGoodCapture();
  });

  it.each([
    [0x05ba, 0x0007, false],
    [0x045e, 0x00bd, false],
    [0x045e, 0x00ca, false],
    [0x05ba, 0x000a, true],
  ])('%i:%i is turned as its sensor is mounted', async (vendorId, productId, rotated) => {
    transport.unplug(model);
    model = new ScriptedReader(clock, { vendorId, productId });
    transport.plug(model);
    const image = await capture();
    expect(Buffer.compare(image.pixels, expectedPicture(ROWS, BLOCKS, rotated))).toBe(0);
  });

  it('that does not scramble is not asked for keys', async () => {
    model.scrambled = false;
    await expectGoodCapture();
    expect(model.log.filter((line) => line.includes(' 33'))).toEqual([]);
  });

  it('that is confused is rebooted first', async () => {
    model.status = 0x84;
    await expectGoodCapture();
    expect(model.log.slice(0, 2)).toEqual(['in 07', 'out 07 04']);
  });

  it.each([
    ['late', [250]],
    ['at the second try', [Number.POSITIVE_INFINITY, 20]],
    ['at the third try', [Number.POSITIVE_INFINITY, 400, 400]],
  ])('may tell of its power %s', async (_, after) => {
    model.powerOnAfter = after;
    await expectGoodCapture();
  });

  it('may send packets that nobody knows, and many of them', async () => {
    await open();
    for (let packet = 0; packet < 200; packet++) model.interrupt(packet * 321);
    model.wire?.send(0x81, Uint8Array.of(1));
    await expectGoodCapture();
  });
});

describe('a capture', () => {
  it('without a finger times out when it should, and the next one works', async () => {
    model.finger = false;
    await open();
    const start = clock.now();
    await expect(capture({ timeoutMs: 4_300 })).rejects.toMatchObject({ name: 'CaptureError', kind: 'timeout' });
    expect(clock.now() - start).toBeLessThan(4_600);
    expect(model.log.at(-1)).toBe('out 4e 70');
    model.finger = true;
    await expectGoodCapture();
  });

  it.each(['ready', 'finger-on', 'finger-off'] as const)(
    'is cancelled at %s, and the next one works',
    async (moment) => {
      await open();
      const abort = new AbortController();
      let at = Number.NaN;
      const onEvent = (event: FingerEvent): void => {
        if (event !== moment) return;
        at = clock.now();
        clock.after(moment === 'finger-off' ? 0 : 10, () => abort.abort());
      };
      const run = capture({ signal: abort.signal, onEvent });
      if (moment === 'finger-off') await run;
      else await expect(run).rejects.toMatchObject({ name: 'CaptureError', kind: 'cancelled' });
      expect(clock.now() - at).toBeLessThan(300);
      await expectGoodCapture();
    },
  );

  it('with a signal that is aborted already touches nothing', async () => {
    await open();
    const run = capture({ signal: AbortSignal.abort() });
    await expect(run).rejects.toMatchObject({ kind: 'cancelled' });
    expect(model.log).not.toContain('out 4e 10');
  });

  it('is not started while another one runs', async () => {
    await open();
    const first = capture();
    await expect(capture()).rejects.toThrow('already under way');
    await first;
  });

  it('ends as cancelled when the reader is closed', async () => {
    model.finger = false;
    const opened = await open();
    const ended = expect(opened.capture({ timeoutMs: 5_000 })).rejects.toMatchObject({ kind: 'cancelled' });
    await opened.close();
    await ended;
    await expect(opened.capture({ timeoutMs: 1 })).rejects.toMatchObject({ kind: 'device-lost' });
  });

  it('survives a listener that throws', async () => {
    const onEvent = (): void => {
      throw new Error('listener');
    };
    await expect(capture({ onEvent })).resolves.toMatchObject({ width: 384 });
  });

  it('gives the image though the finger stays for ever', async () => {
    model.onAccess = ({ data }) => {
      if (data === '12') model.fingerAfter = Number.MAX_SAFE_INTEGER;
      return undefined;
    };
    await expectGoodCapture();
    expect(clock.now()).toBeGreaterThan(10_000);
  });
});

/** Every access of a capture: the device can vanish or freeze in each. */
const MOMENTS: Array<[name: string, when: (access: Access) => boolean]> = [
  ['while the finger is awaited', ({ data, register }) => register === 0x4e && data === '10'],
  ['when the scan begins', ({ data, register }) => register === 0x4e && data === '20'],
  ['when the key is seeded', ({ register }) => register === 0x33],
  ['when the key is read', ({ register }) => register === 0x34],
  ['when the finger is to be lifted', ({ data, register }) => register === 0x4e && data === '12'],
];

describe.each(MOMENTS)('%s', (_, when) => {
  it.each([
    ['unplug', 'device-lost'],
    ['hang', 'device-fault'],
    ['stall', 'device-fault'],
  ] as const)('a reader with %s ends the capture as %s, and the next works', async (mischief, kind) => {
    await open();
    let failedAt = Number.NaN;
    model.onAccess = (access) => {
      if (Number.isNaN(failedAt) && when(access)) failedAt = clock.now();
      return Number.isNaN(failedAt) ? undefined : mischief;
    };
    await expect(capture()).rejects.toMatchObject({ name: 'CaptureError', kind });
    expect(clock.now() - failedAt).toBeLessThanOrEqual(BOUND);
    model.onAccess = () => undefined;
    if (mischief === 'unplug') {
      await reader?.close();
      reader = undefined;
      transport.plug(model);
    }
    await expectGoodCapture();
  });
});

describe('a reader that fails without an access', () => {
  it.each([
    ['while the finger is awaited', 100],
    ['while a frame is on its way', 600],
  ])('and is unplugged %s ends the capture at once', async (_, after) => {
    await open();
    model.fingerAfter = 500;
    const start = clock.now();
    clock.after(after, () => transport.unplug(model));
    await expect(capture()).rejects.toMatchObject({ kind: 'device-lost' });
    expect(clock.now() - start).toBe(after);
    await expect(capture()).rejects.toMatchObject({ kind: 'device-lost' });
    await reader?.close();
    reader = undefined;
    transport.plug(model);
    await expectGoodCapture();
  });

  it('and freezes while the finger is awaited is found out by a heartbeat', async () => {
    await open();
    model.finger = false;
    let frozenAt = Number.NaN;
    clock.after(2_500, () => {
      frozenAt = clock.now();
      model.onAccess = () => 'hang';
    });
    await expect(capture({ timeoutMs: 60_000 })).rejects.toMatchObject({ kind: 'device-fault' });
    expect(clock.now() - frozenAt).toBeLessThanOrEqual(BOUND);
  });

  it('and sends half a frame loses only that capture', async () => {
    await open();
    model.onFrame = (send, good) => send(good.subarray(0, 64 * 500), { zeroLengthPacket: false });
    const start = clock.now();
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault' });
    expect(clock.now() - start).toBeLessThanOrEqual(BOUND);
    model.onFrame = (send, good) => send(good);
    model.wire?.flush(0x82);
    await expectGoodCapture();
  });

  it('and forgets the packet that ends a transfer loses only that capture', async () => {
    await open();
    model.onFrame = (send, good) => send(good, { zeroLengthPacket: false });
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault' });
    model.onFrame = (send, good) => send(good);
    await expectGoodCapture();
  });

  it.each([
    ['truncated', (good: Uint8Array) => good.subarray(0, 64 * 1_000)],
    ['empty', () => new Uint8Array(0)],
    ['with a row too many', (good: Uint8Array) => Uint8Array.from(good).fill(0x22, 4, 5)],
    ['with blocks past its end', (good: Uint8Array) => Uint8Array.from(good).fill(0xff, 17, 18)],
  ])('and sends a frame that is %s is asked for another, but not for ever', async (_, spoil) => {
    await open();
    let frames = 0;
    model.onFrame = (send, good) => {
      frames += 1;
      send(frames < 3 ? spoil(good) : good);
    };
    await expectGoodCapture();
    expect(frames).toBe(3);

    model.onFrame = (send, good) => send(spoil(good));
    const start = clock.now();
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault' });
    expect(clock.now() - start).toBeLessThanOrEqual(BOUND);
    model.onFrame = (send, good) => send(good);
    await expectGoodCapture();
  });

  it.each([0x34, 0x07])('and answers short on register %i loses only that capture', async (register) => {
    await expectGoodCapture();
    const { controlIn } = model;
    model.controlIn = function (setup, length) {
      return setup.value === register ? new Uint8Array(0) : controlIn.call(this, setup, length);
    };
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault', message: expect.stringContaining('0 of') });
    model.controlIn = controlIn;
    await expectGoodCapture();
  });

  it('and gives a wrong key does not get its noise through', async () => {
    await open();
    model.wrongKey = true;
    await expect(capture()).rejects.toMatchObject({
      kind: 'device-fault',
      message: expect.stringContaining('descramble'),
    });
    model.wrongKey = false;
    await expectGoodCapture();
  });

  it.each(['while idle', 'while the finger is awaited', 'while scanning'])(
    'and dies %s is activated anew',
    async (when) => {
      await open();
      if (when === 'while idle') model.interrupt(0x0800);
      let deaths = 0;
      model.onAccess = ({ register, data }) => {
        const dies = register === 0x4e && data === (when === 'while scanning' ? '20' : '10') && when !== 'while idle';
        if (dies && deaths === 0) {
          deaths += 1;
          clock.after(10, () => model.interrupt(0x0800));
        }
        return undefined;
      };
      await expectGoodCapture();
      expect(model.log.filter((line) => line === 'in f0')).toHaveLength(2);
    },
  );

  it('and keeps dying ends as device-fault', async () => {
    await open();
    model.onAccess = ({ register, data }) => {
      if (register === 0x4e && data === '20') clock.after(10, () => model.interrupt(0x0800));
      return undefined;
    };
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault' });
  });

  it('and halts an endpoint loses only that capture', async () => {
    await open();
    model.onFrame = () => model.wire?.stall(0x82);
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault' });
    model.onFrame = (send, good) => send(good);
    await expectGoodCapture();
    clock.after(10, () => model.wire?.stall(0x81));
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault' });
    await expectGoodCapture();
  });
});

describe('a reader that does not come up', () => {
  it.each([
    ['never tells of its power', () => (model.powerOnAfter = [Number.POSITIVE_INFINITY]), 1_500],
    [
      'stays in low power',
      () => (model.onAccess = ({ register, direction }) => stuck(register, direction, 0x80)),
      5_500,
    ],
    ['stays confused', () => (model.onAccess = ({ register, direction }) => stuck(register, direction, 0x84)), 5_500],
    ['answers nothing', () => (model.onAccess = () => 'hang'), 2_000],
    ['refuses everything', () => (model.onAccess = () => 'stall'), 200],
  ])('because it %s is closed again', async (_, spoil, within) => {
    spoil();
    await expect(open()).rejects.toMatchObject({ name: 'CaptureError', kind: 'device-fault' });
    expect(clock.now()).toBeLessThan(within);
    // The connection is free again.
    const [device] = await transport.list();
    await (await transport.open(device?.id ?? '')).close();
  });

  it('because it is unplugged meanwhile is device-lost', async () => {
    model.powerOnAfter = [Number.POSITIVE_INFINITY];
    clock.after(100, () => transport.unplug(model));
    await expect(open()).rejects.toMatchObject({ name: 'CaptureError', kind: 'device-lost' });
    expect(clock.now()).toBeLessThan(300);
  });

  it('in the middle of a work day ends the capture in time', async () => {
    await expectGoodCapture();
    model.powerOnAfter = [Number.POSITIVE_INFINITY];
    const start = clock.now();
    await expect(capture()).rejects.toMatchObject({ kind: 'device-fault' });
    expect(clock.now() - start).toBeLessThanOrEqual(BOUND);
    model.powerOnAfter = [-1];
    await expectGoodCapture();
  });

  it('and is of another family is not touched', async () => {
    transport.unplug(model);
    const other = new ScriptedReader(clock, { vendorId: 0x1234, productId: 0x5678 });
    transport.plug(other);
    const [device] = await transport.list();
    const connection = await transport.open(device?.id ?? '');
    await expect(uru4000Driver({ clock }).open(connection)).rejects.toMatchObject({ kind: 'device-fault' });
    expect(other.log).toEqual([]);
    await expect(openReader(transport, device?.id ?? '')).rejects.toMatchObject({ kind: 'device-fault' });
    await expect(openReader(transport, 'nothing')).rejects.toMatchObject({ kind: 'device-lost' });
  });

  it('because somebody else holds it says so', async () => {
    transport.refuse(model, 'access');
    await expect(open()).rejects.toMatchObject({ kind: 'device-lost', cause: { name: 'UsbError', kind: 'access' } });
  });
});

function stuck(register: number, direction: string, status: number): undefined {
  if (register === 0x07 && direction === 'in') model.status = status;
  return undefined;
}
