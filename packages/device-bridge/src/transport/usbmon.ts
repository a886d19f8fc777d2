/**
 * Reads usbmon recordings in pcapng files: blocks {type u32, length u32, ..., length u32}; link type 220 is the memory-mapped
 * usbmon header of 64 bytes (Linux Documentation/usb/usbmon.rst, struct mon_bin_hdr). Events come out in recorded order.
 */

export type RecordingErrorKind = 'not-pcapng' | 'truncated' | 'malformed' | 'not-usbmon';

/** A recording that cannot be read. `at` is the byte offset of the block. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  readonly kind: RecordingErrorKind;
  readonly at: number;
  constructor(kind: RecordingErrorKind, at: number, message: string) {
    super(`${message} (at byte ${at})`);
    this.kind = kind;
    this.at = at;
  }
}

export type UsbmonTransfer = 'isochronous' | 'interrupt' | 'control' | 'bulk';

/** One usbmon event. */
export interface UsbmonEvent {
  /** Pairs a submission with its completion; reused after that. */
  id: bigint;
  event: 'submit' | 'complete' | 'error';
  transfer: UsbmonTransfer;
  /** Endpoint address with the direction bit. */
  endpoint: number;
  bus: number;
  address: number;
  /** Negative errno; -115 in a submission. */
  status: number;
  /** Asked length in a submission, actual length in a completion. */
  length: number;
  /** Eight bytes, only in the submission of a control transfer. */
  setup?: Uint8Array;
  data: Uint8Array;
  /** Microseconds, from the recording's own zero. */
  time: number;
}

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const PACKET = 6;
const BYTE_ORDER = 0x1a2b3c4d;
const LINK_USBMON_MMAPPED = 220;
const HEADER = 64;
const TRANSFERS = ['isochronous', 'interrupt', 'control', 'bulk'] as const;
const EVENTS: Readonly<Record<number, UsbmonEvent['event']>> = { 83: 'submit', 67: 'complete', 69: 'error' };

/** @throws RecordingError */
export function readUsbmon(file: Uint8Array): UsbmonEvent[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const events: UsbmonEvent[] = [];
  let links: number[] = [];
  let little = true;
  for (let at = 0; at < file.length; ) {
    if (at + 12 > file.length) throw new RecordingError('truncated', at, 'the file ends inside a block');
    // The section's type reads the same in both byte orders.
    const isSection = view.getUint32(at) === SECTION;
    if (at === 0 && !isSection) throw new RecordingError('not-pcapng', at, 'no section header');
    if (isSection) {
      little = view.getUint32(at + 8, true) === BYTE_ORDER;
      if (!little && view.getUint32(at + 8) !== BYTE_ORDER) throw new RecordingError('not-pcapng', at, 'no byte order');
      links = [];
    }
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0) throw new RecordingError('malformed', at, `block length ${length}`);
    if (at + length > file.length) throw new RecordingError('truncated', at, 'the file ends inside a block');
    const type = view.getUint32(at, little);
    if (type === INTERFACE) {
      if (length < 20) throw new RecordingError('malformed', at, 'short interface block');
      links.push(view.getUint16(at + 8, little));
    } else if (type === PACKET) {
      events.push(readPacket(file, view, at, length, little, links));
    }
    at += length;
  }
  return events;
}

function readPacket(
  file: Uint8Array,
  view: DataView,
  at: number,
  blockLength: number,
  little: boolean,
  links: readonly number[],
): UsbmonEvent {
  if (blockLength < 32) throw new RecordingError('malformed', at, 'short packet block');
  const link = links[view.getUint32(at + 8, little)];
  if (link !== LINK_USBMON_MMAPPED) throw new RecordingError('not-usbmon', at, `link type ${link ?? 'missing'}`);
  const captured = view.getUint32(at + 20, little);
  if (captured > blockLength - 32) throw new RecordingError('malformed', at, 'packet longer than its block');
  if (captured < HEADER) throw new RecordingError('malformed', at, 'packet shorter than the usbmon header');
  const head = at + 28;
  const event = EVENTS[file[head + 8] ?? 0];
  const transfer = TRANSFERS[file[head + 9] ?? 0xff];
  if (!event || !transfer) throw new RecordingError('malformed', at, 'unknown event or transfer');
  const dataLength = view.getUint32(head + 36, little);
  if (dataLength > captured - HEADER) throw new RecordingError('malformed', at, 'data longer than the packet');
  const isSetup = transfer === 'control' && event === 'submit' && file[head + 14] === 0;
  return {
    id: view.getBigUint64(head, little),
    event,
    transfer,
    endpoint: file[head + 10] ?? 0,
    address: file[head + 11] ?? 0,
    bus: view.getUint16(head + 12, little),
    status: view.getInt32(head + 28, little),
    length: view.getUint32(head + 32, little),
    ...(isSetup ? { setup: copy(file, head + 40, 8) } : {}),
    data: copy(file, head + HEADER, dataLength),
    time: view.getUint32(at + 12, little) * 2 ** 32 + view.getUint32(at + 16, little),
  };
}

/** A plain array of its own: `slice` of a Buffer would be a window on the whole file. */
function copy(file: Uint8Array, at: number, length: number): Uint8Array {
  return new Uint8Array(file.subarray(at, at + length));
}
