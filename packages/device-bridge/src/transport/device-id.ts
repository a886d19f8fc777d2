import type { UsbDeviceInfo } from './transport.ts';

/** What a bus knows of a device before it gets a name. */
export interface DeviceFacts {
  vendorId: number;
  productId: number;
  release: number;
  /** Where it is plugged in, `bus-port.port`; unique on the machine. */
  portPath: string;
  serialNumber?: string | undefined;
  productName?: string | undefined;
}

/**
 * Names the device: by its serial number, which survives another port, otherwise by its port. A serial number that another
 * device in `taken` already uses (copies with a fixed serial number exist) does not name this one.
 */
export function describeDevice(facts: DeviceFacts, taken: ReadonlySet<string>): UsbDeviceInfo {
  const model = `${hex4(facts.vendorId)}:${hex4(facts.productId)}`;
  const bySerial = facts.serialNumber ? `${model}:${facts.serialNumber}` : undefined;
  const id = bySerial !== undefined && !taken.has(bySerial) ? bySerial : `${model}@${facts.portPath}`;
  return {
    id,
    vendorId: facts.vendorId,
    productId: facts.productId,
    release: facts.release,
    ...(facts.serialNumber ? { serialNumber: facts.serialNumber } : {}),
    ...(facts.productName ? { productName: facts.productName } : {}),
  };
}

/** Four hex digits, as ids are printed everywhere. */
export function hex4(value: number): string {
  return value.toString(16).padStart(4, '0');
}
