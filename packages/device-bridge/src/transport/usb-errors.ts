import { UsbError, type UsbErrorKind } from './transport.ts';

/**
 * What npm `usb` 3.1.0 (nusb 0.2.7) says, and what it means. `code` is always `GenericFailure`, so only the text tells.
 * Bulk and interrupt transfers give names (`transferIn error: Cancelled`), control transfers give prose
 * (`controlTransferIn error: transfer was cancelled`). First match wins.
 */
const TABLE: ReadonlyArray<readonly [pattern: RegExp, kind: UsbErrorKind]> = [
  // Enumeration and the missing native binary are the only ways to learn that there is no bus.
  [/^(getDevices|watch devices) error/i, 'unavailable'],
  [/native binding|cannot find module|no native build/i, 'unavailable'],
  // "Cancelled" is the library's word for its own timeout: nothing else can cancel a transfer.
  [/cancell?ed|timed out|\(errno 110\)|\(errno 62\)/i, 'timeout'],
  [/stall|\(errno 32\)/i, 'stall'],
  [/disconnected|device not found|no such device|\(errno 19\)|\(errno 108\)/i, 'disconnected'],
  [/permission denied|access is denied|not permitted|\(errno 1\)|\(errno 13\)|\(error 5\)/i, 'access'],
  // The device node is gone between enumeration and open.
  [/^open error.*\(errno 2\)/i, 'disconnected'],
  [/is busy|resource busy|already (pending|claimed|open)|borrowed mutably|\(errno 16\)/i, 'busy'],
  // The endpoint is opened per call: "not found" is a second transfer on an endpoint that is in use.
  [/transfer(In|Out) error: endpoint not found/i, 'busy'],
];

/** Kind of a message of the USB library. */
export function usbErrorKind(message: string): UsbErrorKind {
  for (const [pattern, kind] of TABLE) if (pattern.test(message)) return kind;
  return 'io';
}

/** Wraps whatever the USB library threw. `step` names the call for people; the original error is the cause. */
export function toUsbError(error: unknown, step: string): UsbError {
  if (error instanceof UsbError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new UsbError(usbErrorKind(message), `${step}: ${message}`, { cause: error });
}
