/**
 * The contract of a device model: what `FakeUsbTransport` asks of it and what it may do on the wire. A model knows no
 * timeouts, packets or host state; those belong to the bus that carries it (the in-process fake, or a USB/IP or usbredir
 * peer in front of a real kernel).
 */

import type { VendorRequest } from './transport.ts';

/** A device's descriptors, byte for byte as it would answer GET_DESCRIPTOR. Ids and endpoints are read from them. */
export interface VirtualDescriptors {
  /** 18 bytes. Vendor id at 8, product id at 10, bcdDevice at 12. */
  device: Uint8Array;
  /** The whole configuration: configuration, interface and endpoint descriptors one after another. */
  configuration: Uint8Array;
  strings: { manufacturer?: string; product?: string; serial?: string };
}

/** A refused request: the host's transfer rejects with `UsbError` `stall`. */
export const STALL = 'stall';
export type Stall = typeof STALL;

/** How a device model speaks. Handed over by `connect`; calls on the wire of a device that was unplugged do nothing. */
export interface DeviceWire {
  /**
   * Queues one whole IN transfer on `endpoint` (address with direction bit: 0x81, 0x82). It waits there until the host reads,
   * as a device answers NAK until its packet is fetched. The bus cuts it into packets; data that is a multiple of the
   * packet size of a bulk endpoint is ended by a zero-length packet unless `zeroLengthPacket` is false (the host's read then
   * goes on into the next `send`, or times out and loses what it had). Interrupt endpoints carry single packets and need none.
   */
  send(endpoint: number, data: Uint8Array, options?: { zeroLengthPacket?: boolean }): void;
  /** Halts the endpoint once: the host's pending or next read rejects with `stall`. */
  stall(endpoint: number): void;
  /** Whether the host has a read pending on `endpoint`: a sensor without a buffer loses its frame when nobody reads. */
  isReading(endpoint: number): boolean;
  /** Throws away what was queued on `endpoint` and not fetched (power off, mode change). */
  flush(endpoint: number): void;
  /** Pulls the plug: pending transfers reject with `disconnected`, the device leaves the list, `disconnect` is called. */
  unplug(): void;
}

/** A model of a device. All calls come from one event loop; a model may answer at once or later. */
export interface VirtualUsbDevice {
  readonly descriptors: VirtualDescriptors;
  /** Plugged in: power is there, state is fresh. Comes again after an unplug and a new plug. */
  connect(wire: DeviceWire): void;
  /** Unplugged: drop timers and state. */
  disconnect(): void;
  /**
   * Vendor request, recipient device, IN (bmRequestType 0xC0). Give at most `length` bytes, or `STALL`. A promise that never
   * settles is a device that hangs: the host's timeout ends the transfer and a later answer is thrown away.
   */
  controlIn(setup: VendorRequest, length: number): Uint8Array | Stall | Promise<Uint8Array | Stall>;
  /** Vendor request, recipient device, OUT (bmRequestType 0x40). */
  controlOut(setup: VendorRequest, data: Uint8Array): Stall | undefined | Promise<Stall | undefined>;
  /** One OUT transfer on a bulk endpoint. Without it every bulk write stalls. */
  bulkOut?(endpoint: number, data: Uint8Array): Stall | undefined | Promise<Stall | undefined>;
  /** The host started a read of up to `length` bytes on `endpoint`: the moment for a device that sends only when asked. */
  readStarted?(endpoint: number, length: number): void;
}
