import type { Clock } from '../transport/clock.ts';
import type { UsbDeviceInfo } from '../transport/transport.ts';
import type { FingerprintDriver } from './driver.ts';

/** What every driver may be given; each has its own defaults. */
export interface DriverDependencies {
  clock?: Clock;
  /** Gives an unsigned 32-bit random number. */
  seed?: () => number;
}

export interface DriverMatch {
  family: string;
  /** Maker and model, for people. */
  model: string;
  /** How sure the row is, see `Row`. */
  score: number;
  /** Loads the driver's code on first use. */
  load(dependencies?: DriverDependencies): Promise<FingerprintDriver>;
}

/**
 * `score`: 100 where the tests decode a recording of this very model, 90 where the protocol's facts were checked against one,
 * 80 where it is of the same family by published descriptions only. A product name that contradicts the row leaves it out: makers reuse ids.
 */
interface Row {
  vendorId: number;
  productId: number;
  family: string;
  model: string;
  score: number;
  /** Product strings that this id may have. Devices without a product string match by their ids. */
  name: RegExp;
  load: (dependencies: DriverDependencies) => Promise<FingerprintDriver>;
}

const uru4000 = async (dependencies: DriverDependencies): Promise<FingerprintDriver> =>
  (await import('./uru4000.ts')).uru4000Driver(dependencies);

const digitalPersona = { vendorId: 0x05ba, family: 'uru4000', name: /u\.?are\.?u|fingerprint/i, load: uru4000 };
const microsoft = { vendorId: 0x045e, family: 'uru4000', name: /fingerprint/i, load: uru4000 };

/** One row for each id that a driver here speaks to. */
const TABLE: readonly Row[] = [
  { ...digitalPersona, productId: 0x0007, model: 'DigitalPersona U.are.U 4000', score: 80 },
  { ...digitalPersona, productId: 0x0008, model: 'DigitalPersona U.are.U 4000B', score: 80 },
  // Observed: "DigitalPersona, Inc." / "U.are.U® 4500 Fingerprint Reader", bcdDevice 0103, serial number a GUID in braces.
  { ...digitalPersona, productId: 0x000a, model: 'DigitalPersona U.are.U 4500', score: 90 },
  { ...microsoft, productId: 0x00bb, model: 'Microsoft Keyboard with Fingerprint Reader', score: 80 },
  { ...microsoft, productId: 0x00bc, model: 'Microsoft Wireless IntelliMouse with Fingerprint Reader', score: 80 },
  { ...microsoft, productId: 0x00bd, model: 'Microsoft Fingerprint Reader', score: 80 },
  // Observed: "Microsoft" / "Microsoft® Fingerprint Reader", bcdDevice 0100, serial number a GUID in braces.
  { ...microsoft, productId: 0x00ca, model: 'Microsoft Fingerprint Reader v2', score: 100 },
];

/** The driver for a device: the best row that fits, nothing where none does or where two fit equally well. */
export function matchDriver(device: UsbDeviceInfo, rows: readonly Row[] = TABLE): DriverMatch | undefined {
  const fitting = rows.filter((row) => fits(row, device)).sort((a, b) => b.score - a.score);
  const [best, second] = fitting;
  if (!best || best.score === second?.score) return undefined;
  const { family, model, score, load } = best;
  return { family, model, score, load: (dependencies = {}) => load(dependencies) };
}

/** Whether any driver may want this device, by its ids alone: for a bus to leave others untouched. */
export function isKnownDevice(device: { vendorId: number; productId: number }): boolean {
  return TABLE.some((row) => row.vendorId === device.vendorId && row.productId === device.productId);
}

function fits(row: Row, device: UsbDeviceInfo): boolean {
  if (row.vendorId !== device.vendorId || row.productId !== device.productId) return false;
  return device.productName === undefined || row.name.test(device.productName);
}
