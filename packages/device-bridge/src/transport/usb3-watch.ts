import type { Clock } from './clock.ts';
import type { DeviceWatch, UsbDeviceInfo } from './transport.ts';
import type { WebUsb } from './webusb.ts';

/**
 * Devices coming and going: events where they arrive, and a poll beside them, since in most containers none do. Without a bus the
 * list is empty and the poll waits for one to come.
 */
export class Usb3Watch implements DeviceWatch {
  current: readonly UsbDeviceInfo[] = [];
  available = false;
  readonly #list: () => Promise<UsbDeviceInfo[]>;
  readonly #library: () => Promise<WebUsb>;
  readonly #options: { clock: Clock; pollMs: number };
  readonly #onChange: (devices: readonly UsbDeviceInfo[]) => void;
  readonly #onEvent = (): void => void this.#refresh();
  #subscribed: WebUsb | undefined;
  #failures = 0;
  #cancelPoll: (() => void) | undefined;
  #stopped = false;

  constructor(
    list: () => Promise<UsbDeviceInfo[]>,
    library: () => Promise<WebUsb>,
    options: { clock: Clock; pollMs: number },
    onChange: (devices: readonly UsbDeviceInfo[]) => void,
  ) {
    this.#list = list;
    this.#library = library;
    this.#options = options;
    this.#onChange = onChange;
  }

  async start(): Promise<void> {
    this.current = await this.#read();
    if (this.#stopped) return;
    this.#onChange(this.current);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPoll?.();
    this.#subscribed?.removeEventListener('connect', this.#onEvent);
    this.#subscribed?.removeEventListener('disconnect', this.#onEvent);
    this.#subscribed = undefined;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancelPoll = this.#options.clock.after(this.#options.pollMs, () => {
      void this.#refresh().finally(() => this.#schedule());
    });
  }

  async #refresh(): Promise<void> {
    const before = this.current;
    const devices = await this.#read();
    if (this.#stopped || this.current !== before || sameIds(before, devices)) return;
    this.current = devices;
    this.#onChange(devices);
  }

  /** The list; empty where there is no bus. One failed enumeration after a good one keeps the last list: a device that goes away meanwhile can cause it. */
  async #read(): Promise<readonly UsbDeviceInfo[]> {
    try {
      const devices = await this.#list();
      this.#failures = 0;
      this.available = true;
      await this.#subscribe();
      return devices;
    } catch {
      this.#failures += 1;
      if (this.available && this.#failures < 2) return this.current;
      this.available = false;
      return [];
    }
  }

  /** Only after an enumeration that worked: subscribing without a USB subsystem ends the process. */
  async #subscribe(): Promise<void> {
    if (this.#subscribed || this.#stopped) return;
    const library = await this.#library();
    if (this.#subscribed || this.#stopped) return;
    this.#subscribed = library;
    library.addEventListener('connect', this.#onEvent);
    library.addEventListener('disconnect', this.#onEvent);
  }
}

function sameIds(a: readonly UsbDeviceInfo[], b: readonly UsbDeviceInfo[]): boolean {
  return a.length === b.length && a.every((device, index) => device === b[index]);
}
