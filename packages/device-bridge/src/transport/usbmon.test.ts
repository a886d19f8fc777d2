import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecording, wasTakenBack } from './recording.ts';
import { recording } from './recordings.fixture.ts';
import { DESCRIBED, type EventSpec, writeUsbmon } from './usbmon.fixture.ts';
import { RecordingError, readUsbmon } from './usbmon.ts';

const EVENTS: EventSpec[] = [
  ...DESCRIBED,
  { id: 2, event: 'S', transfer: 'interrupt', endpoint: 0x81 },
  { id: 3, event: 'S', transfer: 'control', endpoint: 0x00, setup: '4004070000000100', data: '83' },
  { id: 3, event: 'C', transfer: 'control', endpoint: 0x00 },
  { id: 2, event: 'C', transfer: 'interrupt', endpoint: 0x81, status: -2 },
];

describe('a usbmon recording', () => {
  it.each([true, false])('is read in both byte orders (little: %s)', (little) => {
    const events = readUsbmon(writeUsbmon(EVENTS, little));
    expect(events.map(({ event, endpoint }) => `${event} ${endpoint}`)).toEqual([
      'submit 128',
      'complete 128',
      'submit 129',
      'submit 0',
      'complete 0',
      'complete 129',
    ]);
    expect(events[3]).toMatchObject({
      id: 3n,
      transfer: 'control',
      address: 47,
      bus: 1,
      status: -115,
      length: 1,
      time: 30,
    });
    expect(Buffer.from(events[3]?.setup ?? []).toString('hex')).toBe('4004070000000100');
    expect(events[5]).toMatchObject({ status: -2, data: new Uint8Array(0) });
  });

  it('pairs into exchanges without the descriptors', () => {
    const { device, exchanges } = readRecording(readUsbmon(writeUsbmon(EVENTS)));
    expect(device).toEqual({ vendorId: 0x1234, productId: 0x5678, release: 0x0103 });
    expect(exchanges.map(({ endpoint, submitted, completed }) => [endpoint, submitted, completed])).toEqual([
      [0x81, 2, 5],
      [0x00, 3, 4],
    ]);
    expect(exchanges.map(wasTakenBack)).toEqual([true, false]);
  });

  it('of several devices needs the address of one', () => {
    const two = readUsbmon(writeUsbmon([...DESCRIBED, { ...(EVENTS[2] as EventSpec), address: 3 }]));
    expect(() => readRecording(two)).toThrow(/2 devices/);
    expect(readRecording(two, 47).exchanges).toEqual([]);
    expect(() => readRecording(two, 9)).toThrow(RecordingError);
    expect(() => readRecording(two, 3)).toThrow(/descriptor/);
    expect(() => readRecording([])).toThrow(RecordingError);
  });

  const good = writeUsbmon(EVENTS);
  const edited = (edit: (bytes: Buffer) => void): Uint8Array => {
    const bytes = Buffer.from(good);
    edit(bytes);
    return bytes;
  };
  // The section has 28 bytes, the interface 20, the unknown block 20; then the first packet.
  const packet = 68;
  it.each([
    ['something else', Buffer.from('GIF89a and so on, long enough'), 'not-pcapng'],
    ['no byte order mark', edited((bytes) => bytes.fill(0, 8, 12)), 'not-pcapng'],
    ['cut in a block', good.subarray(0, -3), 'truncated'],
    ['cut in a block head', good.subarray(0, packet + 8), 'truncated'],
    ['a block without length', edited((bytes) => bytes.writeUInt32LE(0, packet + 4)), 'malformed'],
    ['a block of odd length', edited((bytes) => bytes.writeUInt32LE(33, packet + 4)), 'malformed'],
    ['another link type', edited((bytes) => bytes.writeUInt16LE(1, 36)), 'not-usbmon'],
    ['an interface that is not there', edited((bytes) => bytes.writeUInt32LE(7, packet + 8)), 'not-usbmon'],
    ['a packet longer than its block', edited((bytes) => bytes.writeUInt32LE(9_999, packet + 20)), 'malformed'],
    ['a packet without the usbmon header', edited((bytes) => bytes.writeUInt32LE(10, packet + 20)), 'malformed'],
    ['data longer than the packet', edited((bytes) => bytes.writeUInt32LE(9_999, packet + 28 + 36)), 'malformed'],
    ['an unknown event', edited((bytes) => bytes.writeUInt8(0x58, packet + 28 + 8)), 'malformed'],
  ])('with %s is refused', (_, bytes, kind) => {
    expect(() => readUsbmon(bytes)).toThrow(expect.objectContaining({ name: 'RecordingError', kind }));
  });

  it('of any bytes never does more than a typed error', () => {
    const mutated = fc
      .array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      })
      .map((edits) =>
        edited((bytes) => {
          for (const [at, value] of edits) bytes[at] = value;
        }),
      );
    const cut = fc.nat({ max: good.length }).map((length) => good.subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(mutated, cut, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        try {
          readRecording(readUsbmon(bytes));
        } catch (error) {
          if (!(error instanceof RecordingError)) throw error;
        }
      }),
      { numRuns: 10_000 },
    );
  });

  it.for(['uru4000-msv2', 'upektc_img-tcs1s'])('of the real reader %s is read whole', (name, { skip }) => {
    const files = recording(name);
    if ('missing' in files) return skip(files.missing);
    const events = readUsbmon(files.usb);
    const { exchanges } = readRecording(events);
    expect(exchanges.length).toBeGreaterThanOrEqual(20);
    expect(exchanges.filter((exchange) => exchange.completed === undefined)).toEqual([]);
  });
});
