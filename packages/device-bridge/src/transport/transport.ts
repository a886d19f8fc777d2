/**
 * The one contract between a driver and whatever carries its bytes: a real bus (`usb3`), a recording (`replay`) or a
 * virtual device (`fake`). Drivers never import an adapter; they get a `UsbTransport` passed in.
 */

/** What went wrong on the bus, in the words a driver can act on. */
export type UsbErrorKind =
  /** Nothing arrived in time. For an interrupt read this is "idle", not a fault. */
  | 'timeout'
  /** The endpoint answered STALL: the device refuses this request. */
  | 'stall'
  /** The device is gone. */
  | 'disconnected'
  /** Somebody else holds the device or the endpoint. */
  | 'busy'
  /** The operating system refuses access (udev rule, driver binding). */
  | 'access'
  /** There is no USB subsystem on this machine. */
  | 'unavailable'
  /** Anything else the bus reports. */
  | 'io';

/** Failure of a transport call. The message never carries payload bytes. */
export class UsbError extends Error {
  override readonly name = 'UsbError';
  readonly kind: UsbErrorKind;
  constructor(kind: UsbErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** A device as the bus describes it, read once when it is attached. */
export interface UsbDeviceInfo {
  /** Stable while plugged in: `vid:pid:serial`, or `vid:pid@port-path` where the device has no serial number. */
  id: string;
  vendorId: number;
  productId: number;
  /** bcdDevice, as a number (0x0103 is "1.03"). */
  release: number;
  serialNumber?: string;
  productName?: string;
}

/** Control request addressed to the device with a vendor request, the only kind the readers use. */
export interface VendorRequest {
  request: number;
  value: number;
  index: number;
}

/** `timeoutMs` is the time for this transfer alone; an aborted signal ends the call with the signal's reason. */
export interface TransferOptions {
  timeoutMs: number;
  signal?: AbortSignal;
}

/** An open device with its interface claimed. One owner; calls on different endpoints may overlap, on the same they may not. */
export interface UsbConnection {
  readonly device: UsbDeviceInfo;
  /** Reads up to `length` bytes. @throws UsbError */
  controlIn(setup: VendorRequest, length: number, options: TransferOptions): Promise<Uint8Array>;
  /** @throws UsbError */
  controlOut(setup: VendorRequest, data: Uint8Array, options: TransferOptions): Promise<void>;
  /** Reads one bulk transfer of up to `length` bytes; a shorter or empty result is a transfer that the device ended early. @throws UsbError */
  bulkIn(endpoint: number, length: number, options: TransferOptions): Promise<Uint8Array>;
  /** @throws UsbError */
  bulkOut(endpoint: number, data: Uint8Array, options: TransferOptions): Promise<void>;
  /** Reads one interrupt packet. @throws UsbError */
  interruptIn(endpoint: number, length: number, options: TransferOptions): Promise<Uint8Array>;
  /** Waits for transfers under way, releases the interface and closes the device. Never throws. */
  close(): Promise<void>;
}

/** Devices coming and going. `current` is the list as last seen. */
export interface DeviceWatch {
  readonly current: readonly UsbDeviceInfo[];
  /** False while there is no USB subsystem: the list is empty for another reason than that nothing is plugged in. */
  readonly available: boolean;
  stop(): void;
}

/** Access to a bus. */
export interface UsbTransport {
  /** @throws UsbError `unavailable` where there is no USB subsystem. */
  list(): Promise<UsbDeviceInfo[]>;
  /** Calls `onChange` with the whole list at once and at each change. Transports without a bus report an empty list. */
  watch(onChange: (devices: readonly UsbDeviceInfo[]) => void): Promise<DeviceWatch>;
  /** Opens the device and claims its interface 0. @throws UsbError `busy`, `access`, `disconnected` */
  open(id: string): Promise<UsbConnection>;
}
