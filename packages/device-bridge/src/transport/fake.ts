/**
 * `UsbTransport` over virtual devices. It is the real `usb3` adapter over a bus that has the `usb` library's manners (no
 * cancel, one transfer per endpoint, whole packets, its error texts), so what runs on it runs the production code path.
 */

import { type Clock, systemClock } from './clock.ts';
import { readDeviceDescriptor } from './descriptors.ts';
import type { DeviceWatch, UsbConnection, UsbDeviceInfo, UsbTransport } from './transport.ts';
import { Usb3Transport } from './usb3.ts';
import type { VirtualUsbDevice } from './virtual-device.ts';
import { VirtualLine } from './virtual-line.ts';
import type { WebUsb, WebUsbDevice } from './webusb.ts';

export interface FakeTransportOptions {
  clock?: Clock;
  /** Milliseconds of one interrupt slice; short, so that closing a reader in a test does not wait. */
  sliceMs?: number;
}

export class FakeUsbTransport implements UsbTransport {
  /** False makes the machine one without a USB subsystem. */
  available = true;
  readonly #clock: Clock;
  readonly #lines = new Set<VirtualLine>();
  readonly #models = new WeakMap<VirtualUsbDevice, VirtualLine>();
  readonly #listeners = new Map<'connect' | 'disconnect', Set<() => void>>();
  readonly #usb: Usb3Transport;
  #addresses = 0;

  constructor(options: FakeTransportOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    const webUsb: WebUsb = {
      getDevices: async (): Promise<WebUsbDevice[]> => {
        if (!this.available) throw new Error('getDevices error: /sys/bus/usb/devices/ not found (errno 2)');
        return [...this.#lines];
      },
      addEventListener: (type, listener) => {
        this.#listeners.set(type, (this.#listeners.get(type) ?? new Set()).add(listener));
      },
      removeEventListener: (type, listener) => {
        this.#listeners.get(type)?.delete(listener);
      },
    };
    this.#usb = new Usb3Transport({ webUsb, clock: this.#clock, platform: 'linux', sliceMs: options.sliceMs ?? 25 });
  }

  /**
   * Plugs a model in; `watch` fires. `port` (such as `2.1`) names a device without a serial number.
   * @throws RangeError if its device descriptor is not one
   */
  plug(model: VirtualUsbDevice, options: { port?: string } = {}): void {
    const facts = readDeviceDescriptor(model.descriptors.device);
    if (!facts) throw new RangeError('the model has no valid device descriptor');
    this.#addresses += 1;
    const ports = (options.port ?? String(this.#addresses)).split('.').map(Number);
    const place = { bus: '1', address: this.#addresses, ports };
    const line = new VirtualLine(model, facts, place, this.#clock, (gone) => {
      this.#lines.delete(gone);
      this.#fire('disconnect');
    });
    this.#models.set(model, line);
    this.#lines.add(line);
    model.connect(line);
    this.#fire('connect');
  }

  /** Pulls the plug of a model; does nothing if it is not plugged in. */
  unplug(model: VirtualUsbDevice): void {
    this.#models.get(model)?.unplug();
  }

  /** Makes `open` of this model fail as if somebody else held it or the system refused; `undefined` ends that. */
  refuse(model: VirtualUsbDevice, why: 'busy' | 'access' | undefined): void {
    const line = this.#models.get(model);
    if (line)
      line.refusal = why && { busy: 'interface is busy (errno 16)', access: 'permission denied (errno 13)' }[why];
  }

  list(): Promise<UsbDeviceInfo[]> {
    return this.#usb.list();
  }

  watch(onChange: (devices: readonly UsbDeviceInfo[]) => void): Promise<DeviceWatch> {
    return this.#usb.watch(onChange);
  }

  open(id: string): Promise<UsbConnection> {
    return this.#usb.open(id);
  }

  #fire(type: 'connect' | 'disconnect'): void {
    for (const listener of this.#listeners.get(type) ?? []) listener();
  }
}
