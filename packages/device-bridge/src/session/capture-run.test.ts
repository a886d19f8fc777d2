import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReaderLease } from '../devices.ts';
import { CaptureError, type CaptureOptions, type GreyImage } from '../drivers/driver.ts';
import { type CaptureRun, captureFingers } from './capture-run.ts';
import { ridges } from './fake-readers.fixture.ts';

const quality = { coverage: 0.8, contrast: 0.5, orientation: 0.9 };
const lost = new AbortController();
const release = vi.fn(async () => undefined);
let capture: (options: CaptureOptions) => Promise<GreyImage>;
let cancel: AbortController;

function run(options: Partial<CaptureRun> = {}) {
  const lease: ReaderLease = {
    reader: {
      device: { id: 'x', vendorId: 0x05ba, productId: 10, release: 1, serialNumber: '{A-1} é\u0000' },
      model: 'Test Reader',
      capture: (asked) => capture(asked),
      close: async () => undefined,
    },
    lost: lost.signal,
    release,
  };
  return captureFingers({
    plan: [6, 7],
    fingerTimeoutMs: 30_000,
    signal: cancel.signal,
    acquire: async () => lease,
    toPicture: () => ({ png: Uint8Array.of(1), quality }),
    onProgress: () => undefined,
    ...options,
  });
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

beforeEach(() => {
  vi.useFakeTimers();
  release.mockClear();
  cancel = new AbortController();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets the time go on until the run has ended, and tells how long that was. */
async function ends(running: Promise<unknown>): Promise<{ ms: number; error?: unknown }> {
  const since = Date.now();
  const settled = running.then(
    () => ({ ms: Date.now() - since }),
    (error: unknown) => ({ ms: Date.now() - since, error }),
  );
  await vi.advanceTimersByTimeAsync(120_000);
  return settled;
}

describe('a capture', () => {
  it('gives each finger of the plan its own id, and lets the reader go', async () => {
    capture = async () => ridges(1);
    const progress: unknown[] = [];
    const fingers = await run({
      onProgress: ({ finger, captured, wanted }) => progress.push([finger, captured, wanted]),
    });
    expect(fingers.map(({ index }) => index)).toEqual([6, 7]);
    expect(new Set(fingers.map((finger) => finger.capture)).size).toBe(2);
    // Without what the gateway would refuse in a serial number.
    const device = { model: 'Test Reader', usb: '05ba:000a', serial: '{A-1}' };
    expect(fingers).toMatchObject([
      { device, quality },
      { device, quality },
    ]);
    expect(progress).toContainEqual(['right-index', 0, 2]);
    expect(progress).toContainEqual(['right-middle', 1, 2]);
    expect(release).toHaveBeenCalledOnce();
  });

  it('waits for a late finger, and for one that is slow to lift', async () => {
    capture = async ({ onEvent }) => {
      onEvent?.('ready');
      await after(29_900);
      onEvent?.('finger-on');
      await after(10_500);
      return ridges(1);
    };
    expect(await ends(run())).toEqual({ ms: 2 * 40_400 });
  });

  it.each([
    ['before it was ready', [], 32_000],
    ['while it waits', ['ready'], 31_000],
    ['with a finger on it', ['ready', 'finger-on'], 15_000],
    ['after the finger', ['ready', 'finger-on', 'finger-off'], 1_000],
  ] as const)('leaves a reader behind that falls silent %s', async (_case, events, ms) => {
    capture = async ({ onEvent }) => {
      for (const event of events) onEvent?.(event);
      return new Promise(() => undefined);
    };
    expect(await ends(run())).toEqual({ ms, error: expect.objectContaining({ kind: 'device-fault' }) });
    expect(release).toHaveBeenCalledOnce();
  });

  it('a cancel is over within two seconds, also with a driver that does not listen', async () => {
    capture = () => new Promise(() => undefined);
    const running = run();
    setTimeout(() => cancel.abort(), 5_000);
    expect(await ends(running)).toEqual({ ms: 6_000, error: expect.objectContaining({ kind: 'cancelled' }) });
  });

  it('asks again for an unusable picture, not for ever', async () => {
    capture = async () => ridges(1);
    const hints: unknown[] = [];
    const toPicture = vi.fn(() => undefined);
    const { error } = await ends(run({ toPicture, onProgress: ({ hint }) => hints.push(hint) }));
    expect(error).toMatchObject({ kind: 'device-fault' });
    expect(toPicture).toHaveBeenCalledTimes(3);
    expect(hints.filter((hint) => hint === 'again')).toHaveLength(2);
  });

  it('names whatever a driver or the geometry throws', async () => {
    capture = async () => {
      throw new TypeError('bug');
    };
    expect((await ends(run())).error).toMatchObject({ name: 'CaptureError', kind: 'device-fault' });
    capture = async () => ridges(1);
    const toPicture = () => {
      throw new RangeError('size');
    };
    expect((await ends(run({ toPicture }))).error).toBeInstanceOf(CaptureError);
  });
});
