import type { DevicesOptions } from '../devices.ts';
import { CaptureError, type CaptureOptions, type FingerprintReader, type GreyImage } from '../drivers/driver.ts';
import {
  type DeviceWatch,
  type UsbConnection,
  type UsbDeviceInfo,
  UsbError,
  type UsbTransport,
} from '../transport/transport.ts';

/** What the reader does with the next finger. `wait` stays until told, `hang` stays whatever it is told. */
export type Manner = 'finger' | 'wait' | 'hang' | 'blank' | 'lie' | 'fault' | 'timeout' | 'disconnect';

/** Ridges, so that it counts as a finger; every frame is another one. */
export function ridges(seed: number): GreyImage {
  const width = 64;
  const height = 64;
  const pixels = new Uint8Array(width * height);
  for (let at = 0; at < pixels.length; at++) {
    const x = at % width;
    const y = Math.floor(at / width);
    pixels[at] = 128 + Math.round(100 * Math.sin((x + 0.3 * y + seed) / 1.5));
  }
  return { width, height, pixels, dpiX: 500, dpiY: 500 };
}

/** A bus with one kind of reader whose manners a test sets. */
export class FakeReaders implements UsbTransport {
  manner: Manner = 'finger';
  refuseOpen: 'busy' | 'access' | undefined;
  /** Readers opened and not closed. */
  open_ = 0;
  frames = 0;
  captures = 0;
  #devices: UsbDeviceInfo[] = [];
  readonly #watchers = new Set<(devices: readonly UsbDeviceInfo[]) => void>();

  readonly match: DevicesOptions['match'] = ({ vendorId }) =>
    vendorId === 0xfff0
      ? {
          model: 'Test Reader',
          load: async () => ({ family: 'test', open: async (connection) => this.#reader(connection) }),
        }
      : undefined;

  plug(id = 'fff0:0001:A', vendorId = 0xfff0): void {
    this.#devices = [...this.#devices, { id, vendorId, productId: 1, release: 0x0100 }];
    this.#tell();
  }

  unplug(id = 'fff0:0001:A'): void {
    this.#devices = this.#devices.filter((device) => device.id !== id);
    this.#tell();
  }

  async list(): Promise<UsbDeviceInfo[]> {
    return this.#devices;
  }

  async watch(onChange: (devices: readonly UsbDeviceInfo[]) => void): Promise<DeviceWatch> {
    this.#watchers.add(onChange);
    onChange(this.#devices);
    return { current: this.#devices, available: true, stop: () => this.#watchers.delete(onChange) };
  }

  async open(id: string): Promise<UsbConnection> {
    const device = this.#devices.find((one) => one.id === id);
    if (!device) throw new UsbError('disconnected', 'gone');
    if (this.refuseOpen) throw new UsbError(this.refuseOpen, 'refused');
    const unused = async (): Promise<never> => {
      throw new UsbError('io', 'the test reader has no wire');
    };
    return {
      device,
      controlIn: unused,
      controlOut: unused,
      bulkIn: unused,
      bulkOut: unused,
      interruptIn: unused,
      close: async () => undefined,
    };
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher(this.#devices);
  }

  #reader(connection: UsbConnection): FingerprintReader {
    this.open_ += 1;
    return {
      device: connection.device,
      model: 'Test Reader',
      capture: (options) => this.#capture(options),
      close: async () => {
        this.open_ -= 1;
      },
    };
  }

  async #capture({ signal, onEvent }: CaptureOptions): Promise<GreyImage> {
    this.captures += 1;
    onEvent?.('ready');
    switch (this.manner) {
      case 'finger':
        break;
      case 'wait':
        await new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new CaptureError('cancelled', 'told to stop')));
        });
        break;
      case 'hang':
        await new Promise(() => undefined);
        break;
      case 'blank':
        return { ...ridges(0), pixels: new Uint8Array(64 * 64).fill(255) };
      case 'lie':
        return { ...ridges(0), pixels: new Uint8Array(7) };
      case 'fault':
        throw new CaptureError('device-fault', 'the reader answered wrongly');
      case 'timeout':
        throw new CaptureError('timeout', 'no finger');
      case 'disconnect':
        throw new CaptureError('device-lost', 'gone');
      default:
        this.manner satisfies never;
    }
    this.frames += 1;
    return ridges(this.frames);
  }
}
