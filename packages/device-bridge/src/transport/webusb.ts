/**
 * The part of npm `usb` 3.1.0 that the adapter uses, typed as it behaves at run time: every transfer takes a timeout in
 * milliseconds as a further last argument, which the W3C types do not show.
 */

export interface WebUsbControlSetup {
  requestType: 'standard' | 'class' | 'vendor';
  recipient: 'device' | 'interface' | 'endpoint' | 'other';
  request: number;
  value: number;
  index: number;
}

export interface WebUsbInResult {
  data?: DataView | undefined;
  status?: string | undefined;
}

export interface WebUsbOutResult {
  bytesWritten: number;
  status?: string | undefined;
}

export interface WebUsbDevice {
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersionMajor: number;
  readonly deviceVersionMinor: number;
  readonly deviceVersionSubminor: number;
  /** Bus name, such as `1`; with `ports` it is the place where the device is plugged in. */
  readonly bus: string;
  /** Changes at each plug. */
  readonly address: number;
  readonly ports: readonly number[];
  /** Synchronous; may open the device and ask it (up to 100 ms on the main thread). */
  readonly serialNumber?: string | null | undefined;
  readonly productName?: string | null | undefined;
  open(): Promise<void>;
  close(): Promise<void>;
  claimInterface(interfaceNumber: number): Promise<void>;
  releaseInterface(interfaceNumber: number): Promise<void>;
  /** Linux only. */
  detachKernelDriver(interfaceNumber: number): Promise<void>;
  clearHalt(direction: 'in' | 'out', endpointNumber: number): Promise<void>;
  controlTransferIn(setup: WebUsbControlSetup, length: number, timeoutMs: number): Promise<WebUsbInResult>;
  /** `data` must be there, empty at least: without it the library throws a TypeError. */
  controlTransferOut(setup: WebUsbControlSetup, data: Uint8Array, timeoutMs: number): Promise<WebUsbOutResult>;
  transferIn(endpointNumber: number, length: number, timeoutMs: number): Promise<WebUsbInResult>;
  transferOut(endpointNumber: number, data: Uint8Array, timeoutMs: number): Promise<WebUsbOutResult>;
}

export interface WebUsb {
  /** Rejects where there is no USB subsystem. */
  getDevices(): Promise<WebUsbDevice[]>;
  /** Must not be called before `getDevices` has once succeeded: the library would end the process with an unhandled rejection. */
  addEventListener(type: 'connect' | 'disconnect', listener: () => void): void;
  removeEventListener(type: 'connect' | 'disconnect', listener: () => void): void;
}

/** Loads the native library on first use, so that a machine without it (or without its platform's binary) still starts. */
export async function loadWebUsb(): Promise<WebUsb> {
  const { usb } = await import('usb');
  return usb as unknown as WebUsb;
}
