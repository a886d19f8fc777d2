/** The reader's registers (hardware.md 2.3), addressed by byte with vendor request 0x04. */
export const vendorRequest = 0x04;

export const register = {
  /** HWSTAT: power and boot state, see `hardwareStatus`. */
  status: 0x07,
  /** Key number and seed, written before the key is read. */
  scrambleIndex: 0x33,
  /** The key, wrapped with the seed. */
  scrambleKey: 0x34,
  mode: 0x4e,
  info: 0xf0,
  response: 0x2000,
  challenge: 0x2010,
} as const;

export const hardwareStatus = {
  rebooted: 0x01,
  /** Together with `lowPower`: the device is in a state that only the reboot dance ends. */
  confused: 0x04,
  lowPower: 0x80,
} as const;

export const mode = {
  init: 0x00,
  awaitFingerOn: 0x10,
  awaitFingerOff: 0x12,
  capture: 0x20,
  captureAux: 0x30,
  off: 0x70,
  ready: 0x80,
} as const;

export const interrupt = {
  scanPowerOn: 0x56aa,
  fingerOn: 0x0101,
  fingerOff: 0x0200,
  death: 0x0800,
} as const;

/** Plain bytes behind registers that have no logic of their own: what was written is read back, the rest is 0. */
export class RegisterFile {
  readonly #bytes = new Map<number, number>();

  read(first: number, length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => this.#bytes.get(first + i) ?? 0);
  }

  write(first: number, data: Uint8Array): void {
    data.forEach((byte, i) => {
      this.#bytes.set(first + i, byte);
    });
  }

  clear(): void {
    this.#bytes.clear();
  }
}
