/** What a USB device says of itself, read from its raw descriptors (USB 2.0, section 9.6). */

export interface EndpointFacts {
  /** With the direction bit: 0x81 is endpoint 1 IN. */
  address: number;
  type: 'control' | 'isochronous' | 'bulk' | 'interrupt';
  maxPacketSize: number;
}

export interface DescriptorFacts {
  vendorId: number;
  productId: number;
  /** bcdDevice as a number. */
  release: number;
}

const DEVICE_LENGTH = 18;
const ENDPOINT = 5;
const ENDPOINT_LENGTH = 7;
const TYPES = ['control', 'isochronous', 'bulk', 'interrupt'] as const;

/** Ids of a device descriptor, `undefined` if it is not one. */
export function readDeviceDescriptor(bytes: Uint8Array): DescriptorFacts | undefined {
  if (bytes.length < DEVICE_LENGTH || bytes[1] !== 1) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    vendorId: view.getUint16(8, true),
    productId: view.getUint16(10, true),
    release: view.getUint16(12, true),
  };
}

/** Endpoints of a configuration; a descriptor that runs past the end stops the list. */
export function readEndpoints(configuration: Uint8Array): EndpointFacts[] {
  const endpoints: EndpointFacts[] = [];
  for (let at = 0; at + 2 <= configuration.length; ) {
    const length = configuration[at] ?? 0;
    if (length < 2 || at + length > configuration.length) break;
    if (configuration[at + 1] === ENDPOINT && length >= ENDPOINT_LENGTH) {
      endpoints.push({
        address: configuration[at + 2] ?? 0,
        type: TYPES[(configuration[at + 3] ?? 0) & 3] ?? 'control',
        maxPacketSize: ((configuration[at + 4] ?? 0) | ((configuration[at + 5] ?? 0) << 8)) & 0x07ff,
      });
    }
    at += length;
  }
  return endpoints;
}
