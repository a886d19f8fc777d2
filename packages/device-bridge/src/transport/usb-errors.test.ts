import { describe, expect, it } from 'vitest';
import { UsbError, type UsbErrorKind } from './transport.ts';
import { toUsbError, usbErrorKind } from './usb-errors.ts';

/** Texts as the library's binary holds them or was seen to give them. */
const TEXTS: Array<[text: string, kind: UsbErrorKind]> = [
  ['getDevices error: /sys/bus/usb/devices/ not found (errno 2)', 'unavailable'],
  ['watch devices error: failed to bind udev netlink socket (errno 1)', 'unavailable'],
  ['Cannot find native binding. npm has a bug related to optional dependencies', 'unavailable'],
  ['transferIn error: Cancelled', 'timeout'],
  ['transferOut error: Cancelled', 'timeout'],
  ['controlTransferIn error: transfer was cancelled', 'timeout'],
  ['transferIn error: Stall', 'stall'],
  ['controlTransferOut error: endpoint stalled', 'stall'],
  ['transferIn error: Disconnected', 'disconnected'],
  ['controlTransferIn error: device disconnected', 'disconnected'],
  ['open error: device not found', 'disconnected'],
  ['open error: failed to open device (errno 2)', 'disconnected'],
  ['open error: failed to open device (errno 19)', 'disconnected'],
  ['open error: permission denied (errno 13)', 'access'],
  ['open error: failed to open device (errno 13)', 'access'],
  ['claimInterface error: interface is busy (errno 16)', 'busy'],
  ['claimInterface error: failed to claim interface (errno 16)', 'busy'],
  ['transferIn error: endpoint not found', 'busy'],
  ['a transfer is already pending', 'busy'],
  ['The same native value cannot be borrowed mutably while another borrow is active', 'busy'],
  ['transferIn error: Fault', 'io'],
  ['transferIn error: InvalidArgument', 'io'],
  ['transferIn error: Unknown(71)', 'io'],
  ['controlTransferIn error: hardware fault or protocol violation', 'io'],
  ['controlTransferIn error: invalid or unsupported argument', 'io'],
  ['controlTransferIn error: unknown (75)', 'io'],
  ['claimInterface error: interface not found', 'io'],
  ['controlTransferIn error: invalid state', 'io'],
  ['', 'io'],
];

describe('the text of the USB library', () => {
  it.each(TEXTS)('%s is %s', (text, kind) => {
    expect(usbErrorKind(text)).toBe(kind);
  });

  it('is kept behind the step, with its error as the cause', () => {
    const cause = Object.assign(new Error('transferIn error: Stall'), { code: 'GenericFailure' });
    expect(toUsbError(cause, 'bulk in')).toMatchObject({
      kind: 'stall',
      message: 'bulk in: transferIn error: Stall',
      cause,
    });
    const typed = new UsbError('busy', 'x');
    expect(toUsbError(typed, 'bulk in')).toBe(typed);
    expect(toUsbError('text', 'open')).toMatchObject({ kind: 'io', message: 'open: text' });
  });
});
