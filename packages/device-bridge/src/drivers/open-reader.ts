import type { UsbTransport } from '../transport/transport.ts';
import { toCaptureError } from './capture-failure.ts';
import { type DriverDependencies, matchDriver } from './device-table.ts';
import { CaptureError, type FingerprintReader } from './driver.ts';

/**
 * Opens the reader with this id on a bus with the driver that the table has for it, activated and ready to capture.
 * @throws CaptureError `device-lost` if it is gone, held by somebody else or closed to us (the cause is the `UsbError`),
 * `device-fault` if no driver knows it or it does not activate
 */
export async function openReader(
  transport: UsbTransport,
  id: string,
  dependencies: DriverDependencies = {},
): Promise<FingerprintReader> {
  try {
    const device = (await transport.list()).find((candidate) => candidate.id === id);
    if (!device) throw new CaptureError('device-lost', `${id} is not plugged in`);
    const match = matchDriver(device);
    if (!match) throw new CaptureError('device-fault', `no driver for ${id}`);
    const driver = await match.load(dependencies);
    return await driver.open(await transport.open(id));
  } catch (error) {
    throw toCaptureError(error, 'open');
  }
}
