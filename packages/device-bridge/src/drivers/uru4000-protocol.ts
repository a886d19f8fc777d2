/**
 * Numbers of the DigitalPersona U.are.U 4000 family (also sold as Microsoft Fingerprint Reader): registers, modes, packets.
 * Known from the published descriptions of the protocol and checked against recordings of a U.are.U 4500 and a Microsoft
 * reader v2.
 */

/** bRequest of every register access: wValue is the first register, wIndex 0, one byte per register. */
export const REGISTER_REQUEST = 0x04;

export const REGISTER = {
  /** Hardware status, see `STATUS`. */
  status: 0x07,
  /** Write 5 bytes: key number, seed u32 little endian. */
  scrambleSeed: 0x33,
  /** Read 4 bytes little endian: the key, masked with the seed. */
  scrambleKey: 0x34,
  mode: 0x4e,
  /** Read 16 bytes: versions. */
  info: 0xf0,
  /** Write 16 bytes. */
  response: 0x2000,
  /** Read 16 bytes. */
  challenge: 0x2010,
} as const;

export const STATUS = {
  /** Low power: the scanner is off. */
  lowPower: 0x80,
  /** Low power and this one together: confused, needs the reboot dance. */
  confused: 0x84,
  rebooted: 0x01,
  writable: 0x0f,
} as const;

export const MODE = { awaitFingerOn: 0x10, awaitFingerOff: 0x12, capture: 0x20, off: 0x70 } as const;

/** First two bytes of an interrupt packet, big endian. */
export const INTERRUPT = {
  powerOn: 0x56aa,
  fingerOn: 0x0101,
  fingerOff: 0x0200,
  /** The next scan will fail: initialise anew. */
  death: 0x0800,
} as const;

export const ENDPOINT = { interrupt: 0x81, image: 0x82 } as const;
export const INTERRUPT_BYTES = 64;

export const FRAME = {
  header: 64,
  width: 384,
  /** Rows of the image. A frame carries at most one less: rows that the sensor left out are repeated. */
  height: 290,
  /** Length asked of the bus; one row more than a frame can have. */
  request: 64 + 290 * 384,
} as const;

/** Bits of a block of rows. */
export const BLOCK = { changeKey: 0x80, keepKey: 0x04, encrypted: 0x02, notPresent: 0x01 } as const;

/**
 * Nominal resolution of the raw frame: the maker's software gives 357 x 392 at 500 dpi for the same area, so the raw pixels
 * are not square. Not measured with a ruler target.
 */
export const RAW_DPI = { x: (384 * 500) / 357, y: (290 * 500) / 392 } as const;

export interface Uru4000Model {
  vendorId: number;
  productId: number;
  name: string;
  /** The sensor is mounted upside down. */
  rotated: boolean;
  /** Powers up only after the challenge was answered. */
  challenged: boolean;
}

const DIGITAL_PERSONA = 0x05ba;
const MICROSOFT = 0x045e;

export const URU4000_MODELS: readonly Uru4000Model[] = [
  {
    vendorId: DIGITAL_PERSONA,
    productId: 0x0007,
    name: 'DigitalPersona U.are.U 4000',
    rotated: false,
    challenged: false,
  },
  {
    vendorId: DIGITAL_PERSONA,
    productId: 0x0008,
    name: 'DigitalPersona U.are.U 4000B',
    rotated: false,
    challenged: false,
  },
  {
    vendorId: DIGITAL_PERSONA,
    productId: 0x000a,
    name: 'DigitalPersona U.are.U 4500',
    rotated: true,
    challenged: false,
  },
  {
    vendorId: MICROSOFT,
    productId: 0x00bb,
    name: 'Microsoft Keyboard with Fingerprint Reader',
    rotated: false,
    challenged: false,
  },
  {
    vendorId: MICROSOFT,
    productId: 0x00bc,
    name: 'Microsoft Wireless IntelliMouse with Fingerprint Reader',
    rotated: false,
    challenged: false,
  },
  { vendorId: MICROSOFT, productId: 0x00bd, name: 'Microsoft Fingerprint Reader', rotated: false, challenged: false },
  { vendorId: MICROSOFT, productId: 0x00ca, name: 'Microsoft Fingerprint Reader v2', rotated: false, challenged: true },
];

export function uru4000Model(vendorId: number, productId: number): Uru4000Model | undefined {
  return URU4000_MODELS.find((model) => model.vendorId === vendorId && model.productId === productId);
}
