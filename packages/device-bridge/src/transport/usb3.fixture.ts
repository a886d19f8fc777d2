import type { WebUsb, WebUsbControlSetup, WebUsbDevice, WebUsbInResult, WebUsbOutResult } from './webusb.ts';

/** One native call under way; the test decides how it ends. */
export interface NativeCall {
  name: string;
  args: readonly unknown[];
  resolve: (result: WebUsbInResult & WebUsbOutResult) => void;
  reject: (text: string) => void;
}

/** A device of the `usb` library, written by hand: transfers stay pending until the test ends them. */
export class HandDevice implements WebUsbDevice {
  readonly vendorId = 0x05ba;
  readonly productId = 0x000a;
  readonly deviceVersionMajor = 1;
  readonly deviceVersionMinor = 0;
  readonly deviceVersionSubminor = 3;
  readonly bus = '1';
  readonly ports = [4, 2];
  readonly address: number;
  readonly calls: NativeCall[] = [];
  /** Names of the calls, in order. */
  readonly log: string[] = [];
  stringReads = 0;
  serial: string | null | Error = '{GUID}';
  openText: string | undefined;
  claimText: string | undefined;
  detachText: string | undefined = 'detachKernelDriver error: no kernel driver attached (errno 61)';

  constructor(address = 7) {
    this.address = address;
  }

  get serialNumber(): string | null {
    this.stringReads += 1;
    if (this.serial instanceof Error) throw this.serial;
    return this.serial;
  }
  get productName(): string | null {
    this.stringReads += 1;
    return 'U.are.U® 4500 Fingerprint Reader';
  }
  open = (): Promise<void> => this.#step('open', this.openText);
  close = (): Promise<void> => this.#step('close', undefined);
  claimInterface = (): Promise<void> => this.#step('claim', this.claimText);
  releaseInterface = (): Promise<void> => this.#step('release', undefined);
  detachKernelDriver = (): Promise<void> => this.#step('detach', this.detachText);
  clearHalt = (direction: string, endpoint: number): Promise<void> =>
    this.#step(`clearHalt ${direction} ${endpoint}`, undefined);
  controlTransferIn(setup: WebUsbControlSetup, length: number, timeoutMs: number): Promise<WebUsbInResult> {
    return this.#transfer('controlTransferIn', [setup, length, timeoutMs]);
  }
  controlTransferOut(setup: WebUsbControlSetup, data: Uint8Array, timeoutMs: number): Promise<WebUsbOutResult> {
    if (!(data instanceof Uint8Array)) throw new TypeError("Cannot read properties of undefined (reading 'buffer')");
    return this.#transfer('controlTransferOut', [setup, data, timeoutMs]);
  }
  transferIn(endpoint: number, length: number, timeoutMs: number): Promise<WebUsbInResult> {
    return this.#transfer('transferIn', [endpoint, length, timeoutMs]);
  }
  transferOut(endpoint: number, data: Uint8Array, timeoutMs: number): Promise<WebUsbOutResult> {
    return this.#transfer('transferOut', [endpoint, data, timeoutMs]);
  }

  async #step(name: string, failure: string | undefined): Promise<void> {
    this.log.push(name);
    if (failure !== undefined) throw Object.assign(new Error(failure), { code: 'GenericFailure' });
  }

  #transfer(name: string, args: readonly unknown[]): Promise<WebUsbInResult & WebUsbOutResult> {
    this.log.push(name);
    return new Promise((resolve, reject) => {
      const fail = (text: string): void => reject(Object.assign(new Error(text), { code: 'GenericFailure' }));
      this.calls.push({ name, args, resolve, reject: fail });
    });
  }
}

/** The library's WebUSB object, written by hand. It notes what would have ended the process. */
export class HandBus implements WebUsb {
  devices: WebUsbDevice[] = [];
  /** Text with which `getDevices` rejects. */
  failure: string | undefined;
  scans = 0;
  readonly listeners = new Set<() => void>();
  #sawBus = false;

  async getDevices(): Promise<WebUsbDevice[]> {
    this.scans += 1;
    if (this.failure !== undefined) throw new Error(this.failure);
    this.#sawBus = true;
    return [...this.devices];
  }
  addEventListener(_type: 'connect' | 'disconnect', listener: () => void): void {
    if (!this.#sawBus) throw new Error('subscribed without a USB subsystem: the process would end');
    this.listeners.add(listener);
  }
  removeEventListener(_type: 'connect' | 'disconnect', listener: () => void): void {
    this.listeners.delete(listener);
  }
  fire(): void {
    for (const listener of this.listeners) listener();
  }
}

/** A result as the library gives it. */
export function received(...bytes: number[]): WebUsbInResult & WebUsbOutResult {
  return { data: new DataView(Uint8Array.from(bytes).buffer), status: 'ok', bytesWritten: bytes.length };
}
