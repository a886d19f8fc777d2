import type { DriverMatch } from './drivers/device-table.ts';
import { CaptureError, type FingerprintReader } from './drivers/driver.ts';
import { bounded, systemClock } from './transport/clock.ts';
import { type DeviceWatch, type UsbDeviceInfo, UsbError, type UsbTransport } from './transport/transport.ts';

/** What people are told about the station's readers. */
export type DeviceStatus =
  | { kind: 'ready'; model: string }
  | { kind: 'none'; message: string }
  /** Something is plugged in that no driver knows. */
  | { kind: 'unsupported'; message: string }
  /** The last attempt to open the reader failed, and it has not been plugged in anew since. */
  | { kind: 'unusable'; message: string };

/** A reader that one capture owns until it releases it. */
export interface ReaderLease {
  readonly reader: FingerprintReader;
  /** Aborts with `CaptureError` `device-lost` when the reader is unplugged. */
  readonly lost: AbortSignal;
  /** Never throws. */
  release(): Promise<void>;
}

export interface DevicesOptions {
  transport: UsbTransport;
  /** The device table: no match rather than a wrong one. */
  match: (device: UsbDeviceInfo) => Pick<DriverMatch, 'model' | 'load'> | undefined;
  onChange?: () => void;
  /** Why no reader may begin, whatever the readers say: something else of the station is at work. */
  occupied?: () => string | undefined;
  /** Milliseconds for a reader to come up, and for one to let go. */
  openTimeoutMs?: number;
  closeTimeoutMs?: number;
}

interface Known {
  info: UsbDeviceInfo;
  match: Pick<DriverMatch, 'model' | 'load'>;
  lost: AbortController;
  trouble?: string;
}

/** The station's readers: found through the device table, opened on demand, one owner each. */
export class Devices {
  readonly #options: Required<Omit<DevicesOptions, 'onChange' | 'occupied'>> &
    Pick<DevicesOptions, 'onChange' | 'occupied'>;
  #known = new Map<string, Known>();
  #strangers = 0;
  #watch: DeviceWatch | undefined;
  #noBus = false;
  /** Readers that are open, and how to know that they have been let go. */
  readonly #owned = new Map<string, Promise<void>>();

  constructor(options: DevicesOptions) {
    this.#options = { openTimeoutMs: 6_000, closeTimeoutMs: 1_500, ...options };
  }

  /** Begins to watch the bus. A machine without one is a station without a reader, not an error. */
  async start(): Promise<void> {
    try {
      this.#watch = await this.#options.transport.watch((devices) => this.#changed(devices));
    } catch (error) {
      if (!(error instanceof UsbError)) throw error;
      this.#noBus = true;
    }
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  status(): DeviceStatus {
    const all = [...this.#known.values()];
    const good = all.find((known) => known.trouble === undefined);
    if (good) return { kind: 'ready', model: good.match.model };
    const bad = all[0];
    if (bad) return { kind: 'unusable', message: bad.trouble ?? 'the reader does not work' };
    if (this.#strangers > 0)
      return { kind: 'unsupported', message: 'no known reader: what is plugged in is not supported' };
    if (this.#noBus || this.#watch?.available === false)
      return { kind: 'none', message: 'no reader: this computer has no USB' };
    return { kind: 'none', message: 'no reader: plug one in' };
  }

  /** Why no capture can begin now; undefined where one can be tried. A reader that failed before is tried again. */
  obstacle(): string | undefined {
    const occupied = this.#options.occupied?.();
    if (occupied !== undefined) return occupied;
    const status = this.status();
    return status.kind === 'none' || status.kind === 'unsupported' ? status.message : undefined;
  }

  /** Whether a reader is at work. */
  inUse(): boolean {
    return this.#owned.size > 0;
  }

  /** For the gateway: every known reader. */
  views(): { model: string; ready: boolean }[] {
    return [...this.#known.values()].map((known) => ({ model: known.match.model, ready: known.trouble === undefined }));
  }

  /** Opens a reader; waits for one that is just being let go. @throws CaptureError `device-lost`, `device-fault`, `cancelled` */
  async acquire(signal: AbortSignal): Promise<ReaderLease> {
    const all = [...this.#known.values()];
    const known = all.find((one) => one.trouble === undefined) ?? all[0];
    if (!known) throw new CaptureError('device-lost', 'no reader: plug one in');
    // Something may have begun since nothing stood in the way.
    const occupied = this.#options.occupied?.();
    if (occupied !== undefined) throw new CaptureError('device-fault', occupied);
    const { info, lost } = known;
    const busy = this.#owned.get(info.id);
    if (busy) {
      const expired = () => new CaptureError('device-fault', 'the reader is still in use');
      await this.#bound(busy, 2 * this.#options.closeTimeoutMs, expired, [signal, lost.signal]);
      if (this.#owned.has(info.id)) throw expired();
    }
    const letGo = Promise.withResolvers<void>();
    this.#owned.set(info.id, letGo.promise);
    const free = () => {
      this.#owned.delete(info.id);
      letGo.resolve();
    };
    let reader: FingerprintReader;
    try {
      reader = await this.#open(known, AbortSignal.any([signal, lost.signal]));
    } catch (error) {
      free();
      throw error;
    }
    this.#say(known, undefined);
    return {
      reader,
      lost: lost.signal,
      release: async () => {
        await this.#bound(reader.close(), this.#options.closeTimeoutMs, () => new Error('close'), []).catch(() => {
          // A reader that does not let go is left behind: the next open says so if it still holds the device.
        });
        free();
      },
    };
  }

  async #open(known: Known, signal: AbortSignal): Promise<FingerprintReader> {
    const { transport, openTimeoutMs } = this.#options;
    // Closes whatever arrives after nobody waits any more.
    let abandoned = false;
    const opening = (async () => {
      const driver = await known.match.load();
      const connection = await transport.open(known.info.id);
      if (abandoned) {
        await connection.close();
        throw new CaptureError('cancelled', 'opened too late');
      }
      const stop = () => void connection.close();
      signal.addEventListener('abort', stop, { once: true });
      try {
        const reader = await driver.open(connection);
        if (!abandoned) return reader;
        await reader.close();
        throw new CaptureError('cancelled', 'opened too late');
      } catch (error) {
        await connection.close();
        throw error;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    })();
    try {
      return await this.#bound(
        opening,
        openTimeoutMs,
        () => new CaptureError('device-fault', 'the reader did not come up'),
        [signal],
      );
    } catch (error) {
      abandoned = true;
      const named = toCaptureError(error, known.lost.signal);
      if (named.kind === 'device-fault') this.#say(known, named.message);
      throw named;
    }
  }

  #say(known: Known, trouble: string | undefined): void {
    if (known.trouble === trouble) return;
    if (trouble === undefined) delete known.trouble;
    else known.trouble = trouble;
    this.#options.onChange?.();
  }

  #bound<T>(work: Promise<T>, ms: number, expired: () => Error, signals: AbortSignal[]): Promise<T> {
    return bounded(work, { clock: systemClock, ms, expired, signal: AbortSignal.any(signals) });
  }

  #changed(devices: readonly UsbDeviceInfo[]): void {
    const before = this.#known;
    const now = new Map<string, Known>();
    this.#strangers = 0;
    for (const info of devices) {
      const match = this.#options.match(info);
      if (!match) {
        this.#strangers += 1;
        continue;
      }
      now.set(info.id, before.get(info.id) ?? { info, match, lost: new AbortController() });
    }
    this.#known = now;
    for (const [id, known] of before) {
      if (!now.has(id)) known.lost.abort(new CaptureError('device-lost', 'the reader was unplugged'));
    }
    this.#options.onChange?.();
  }
}

function toCaptureError(error: unknown, lost: AbortSignal): CaptureError {
  if (lost.aborted) return new CaptureError('device-lost', 'the reader was unplugged', { cause: error });
  if (error instanceof CaptureError) return error;
  if (error instanceof UsbError) {
    switch (error.kind) {
      case 'busy':
        return new CaptureError('device-fault', 'another program uses the reader: close it', { cause: error });
      case 'access':
        return new CaptureError('device-fault', 'this computer does not let the bridge use the reader', {
          cause: error,
        });
      case 'disconnected':
      case 'unavailable':
        return new CaptureError('device-lost', 'the reader was unplugged', { cause: error });
      case 'timeout':
      case 'stall':
      case 'io':
        break;
      default:
        error.kind satisfies never;
    }
  }
  return new CaptureError('device-fault', 'the reader does not answer as it should: plug it in anew', { cause: error });
}
