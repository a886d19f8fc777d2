/** `UsbTransport` over npm `usb` 3.1.0. Its quirks end here; what they are is said where each is dealt with. */

import { type Clock, systemClock } from './clock.ts';
import { type DeviceFacts, describeDevice } from './device-id.ts';
import { Mutex } from './mutex.ts';
import { type DeviceWatch, type UsbConnection, type UsbDeviceInfo, UsbError, type UsbTransport } from './transport.ts';
import { toUsbError } from './usb-errors.ts';
import { Usb3Connection } from './usb3-connection.ts';
import { Usb3Watch } from './usb3-watch.ts';
import { loadWebUsb, type WebUsb, type WebUsbDevice } from './webusb.ts';

export interface Usb3Options {
  /** The library's WebUSB object; loaded on first use where not given. */
  webUsb?: WebUsb;
  clock?: Clock;
  /** `process.platform`; only Linux has kernel drivers to detach. */
  platform?: NodeJS.Platform;
  /** Which devices are of interest. Strings of others are never read: that opens the device and blocks the main thread. */
  wanted?: (device: { vendorId: number; productId: number }) => boolean;
  /** Reconcile poll beside the events, which do not arrive in most containers. */
  pollMs?: number;
  /** See `Usb3ConnectionOptions`. */
  sliceMs?: number;
  graceMs?: number;
}

/** A device as it was attached: the object to open it with, and its strings, read once. */
interface Attached {
  native: WebUsbDevice;
  info: UsbDeviceInfo;
  mutex: Mutex;
  open: boolean;
}

export class Usb3Transport implements UsbTransport {
  readonly #options: Required<Omit<Usb3Options, 'webUsb'>>;
  #webUsb: WebUsb | undefined;
  /** By bus and address, which change at each plug. */
  #attached = new Map<string, Attached>();
  #scan: Promise<UsbDeviceInfo[]> | undefined;

  constructor(options: Usb3Options = {}) {
    const { webUsb, ...rest } = options;
    this.#webUsb = webUsb;
    this.#options = {
      clock: systemClock,
      platform: process.platform,
      wanted: () => true,
      pollMs: 2_000,
      sliceMs: 500,
      graceMs: 500,
      ...rest,
    };
  }

  list(): Promise<UsbDeviceInfo[]> {
    // One enumeration at a time: two would name the same new device twice.
    this.#scan ??= this.#enumerate().finally(() => {
      this.#scan = undefined;
    });
    return this.#scan;
  }

  async watch(onChange: (devices: readonly UsbDeviceInfo[]) => void): Promise<DeviceWatch> {
    const watch = new Usb3Watch(
      () => this.list(),
      () => this.#library(),
      this.#options,
      onChange,
    );
    await watch.start();
    return watch;
  }

  async open(id: string): Promise<UsbConnection> {
    // Asked anew: after a quick unplug and plug the last list names a device object that can no longer be opened.
    await this.list();
    const device = this.#find(id);
    if (!device) throw new UsbError('disconnected', `${id} is not plugged in`);
    if (device.open) throw new UsbError('busy', `${id} is already open here`);
    device.open = true;
    try {
      await device.mutex.run(() => this.#claim(device.native));
    } catch (error) {
      device.open = false;
      throw error;
    }
    return new Usb3Connection(device.info, device.native, {
      clock: this.#options.clock,
      sliceMs: this.#options.sliceMs,
      graceMs: this.#options.graceMs,
      mutex: device.mutex,
      onClosed: () => {
        device.open = false;
      },
    });
  }

  async #claim(native: WebUsbDevice): Promise<void> {
    await native.open().catch((error: unknown) => {
      throw toUsbError(error, 'open');
    });
    try {
      // claimInterface does not detach a kernel driver by itself; mostly there is none, which is an error too.
      if (this.#options.platform === 'linux') await native.detachKernelDriver(0).catch(() => undefined);
      await native.claimInterface(0);
    } catch (error) {
      await native.close().catch(() => undefined);
      throw toUsbError(error, 'claim');
    }
  }

  #find(id: string): Attached | undefined {
    for (const device of this.#attached.values()) if (device.info.id === id) return device;
    return undefined;
  }

  async #library(): Promise<WebUsb> {
    this.#webUsb ??= await loadWebUsb();
    return this.#webUsb;
  }

  async #enumerate(): Promise<UsbDeviceInfo[]> {
    let found: WebUsbDevice[];
    try {
      found = await (await this.#library()).getDevices();
    } catch (error) {
      // Whatever the text: a bus that cannot be listed is no bus.
      throw new UsbError('unavailable', `no USB subsystem: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    const wanted = found.filter((native) => this.#options.wanted(native));
    const before = this.#attached;
    const keyed = wanted.map((native) => [`${native.bus}:${native.address}`, native] as const);
    const taken = new Set(keyed.flatMap(([key]) => before.get(key)?.info.id ?? []));
    const now = new Map<string, Attached>();
    for (const [key, native] of keyed) {
      const known = before.get(key);
      const same = known?.info.vendorId === native.vendorId && known.info.productId === native.productId;
      const device = known && same ? known : attach(native, taken);
      taken.add(device.info.id);
      now.set(key, device);
    }
    this.#attached = now;
    return [...now.values()].map((device) => device.info);
  }
}

function attach(native: WebUsbDevice, taken: ReadonlySet<string>): Attached {
  const facts: DeviceFacts = {
    vendorId: native.vendorId,
    productId: native.productId,
    release: (native.deviceVersionMajor << 8) | (native.deviceVersionMinor << 4) | native.deviceVersionSubminor,
    portPath: `${native.bus}-${native.ports.join('.')}`,
    serialNumber: textOf(() => native.serialNumber),
    productName: textOf(() => native.productName),
  };
  return { native, info: describeDevice(facts, taken), mutex: new Mutex(), open: false };
}

/** String getters ask the device and may throw; a device without a readable string is still a device. */
function textOf(read: () => string | null | undefined): string | undefined {
  try {
    return read()?.trim() || undefined;
  } catch {
    return undefined;
  }
}
