import { random } from '../people/random.ts';

/** Readers of the U.are.U family that can be played. Ids and descriptors as recorded from real devices (hardware.md 2.3). */
export type ReaderModel = 'uareu-4500' | 'uareu-4000' | 'microsoft-v2';

export interface ModelFacts {
  vendorId: number;
  productId: number;
  release: number;
  /** bMaxPower, in units of 2 mA. */
  maxPower: number;
  manufacturer: string;
  product: string;
  /** The sensor looks at the finger upside down: the host has to turn its picture by 180°. */
  upsideDown: boolean;
  /** Powers up only for a host that answers its challenge. */
  challenges: boolean;
  /** HWSTAT with the scan power on, as recorded. */
  awake: number;
  /** The 16 bytes at 0xF0, as recorded (the 4000's are the 4500's). */
  info: string;
  /** Milliseconds from power-up to 56AA; the 4500 sends it before the write that caused it is over. */
  scanPowerMs: number;
  /** Further 56AA packets while a finger is awaited. */
  repeatedScanPower: number;
}

export const models: Readonly<Record<ReaderModel, ModelFacts>> = {
  'uareu-4500': {
    vendorId: 0x05ba,
    productId: 0x000a,
    release: 0x0103,
    maxPower: 0x64,
    manufacturer: 'DigitalPersona, Inc.',
    product: 'U.are.U® 4500 Fingerprint Reader',
    upsideDown: true,
    challenges: false,
    awake: 0x01,
    info: '1a0a1a0a01150000002000108b211130',
    scanPowerMs: 0,
    repeatedScanPower: 2,
  },
  'uareu-4000': {
    vendorId: 0x05ba,
    productId: 0x0007,
    release: 0x0100,
    maxPower: 0x64,
    manufacturer: 'DigitalPersona, Inc.',
    product: 'U.are.U 4000 Fingerprint Reader',
    upsideDown: false,
    challenges: false,
    awake: 0x01,
    info: '1a0a1a0a01150000002000108b211130',
    scanPowerMs: 0,
    repeatedScanPower: 2,
  },
  'microsoft-v2': {
    vendorId: 0x045e,
    productId: 0x00ca,
    release: 0x0100,
    maxPower: 0x82,
    manufacturer: 'DigitalPersona',
    product: 'Microsoft Fingerprint Reader',
    upsideDown: false,
    challenges: true,
    awake: 0x03,
    info: '50255025003400000013005967191800',
    scanPowerMs: 8,
    repeatedScanPower: 0,
  },
};

/** Interrupt IN endpoint: 64-byte packets, interval 8. */
export const interruptEndpoint = 0x81;
/** Bulk IN endpoint: 64-byte packets. */
export const bulkEndpoint = 0x82;

/** What GET_DESCRIPTOR answers, byte for byte. */
export interface Descriptors {
  device: Uint8Array;
  configuration: Uint8Array;
  strings: { manufacturer: string; product: string; serial: string };
}

export function descriptors(model: ReaderModel, serial: string): Descriptors {
  const facts = models[model];
  const word = (value: number) => [value & 0xff, value >> 8];
  const ids = [...word(facts.vendorId), ...word(facts.productId), ...word(facts.release)];
  return {
    device: Uint8Array.from([0x12, 0x01, 0x00, 0x02, 0, 0, 0, 0x40, ...ids, 1, 2, 3, 1]),
    configuration: Uint8Array.from([
      ...[0x09, 0x02, 0x20, 0x00, 0x01, 0x01, 0x00, 0x80, facts.maxPower],
      ...[0x09, 0x04, 0x00, 0x00, 0x02, 0xff, 0xff, 0xff, 0x00],
      ...[0x07, 0x05, interruptEndpoint, 0x03, 0x40, 0x00, 0x08],
      ...[0x07, 0x05, bulkEndpoint, 0x02, 0x40, 0x00, 0x00],
    ]),
    strings: { manufacturer: facts.manufacturer, product: facts.product, serial },
  };
}

/** A serial number as the readers carry one, a GUID in braces. */
export function serialOf(seed: string): string {
  const stream = random(`serial ${seed}`);
  const digits = (count: number) => Array.from({ length: count }, () => stream.integer(0, 15).toString(16)).join('');
  return `{${digits(8)}-${digits(4)}-${digits(4)}-${digits(4)}-${digits(12)}}`.toUpperCase();
}
