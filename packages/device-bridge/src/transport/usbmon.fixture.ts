/** One event for `writeUsbmon`. */
export interface EventSpec {
  id: number;
  event: 'S' | 'C' | 'E';
  transfer: 'interrupt' | 'control' | 'bulk';
  endpoint: number;
  status?: number;
  /** Eight bytes in hex. */
  setup?: string;
  /** Bytes in hex. */
  data?: string;
  address?: number;
}

const TRANSFERS = { interrupt: 1, control: 2, bulk: 3 };

/** GET_DESCRIPTOR of a device descriptor and its answer: every recording begins with it. */
export const DESCRIBED: EventSpec[] = [
  { id: 1, event: 'S', transfer: 'control', endpoint: 0x80, setup: '8006000100001200' },
  { id: 1, event: 'C', transfer: 'control', endpoint: 0x80, data: '120100020000004034127856030101020301' },
];

/** A pcapng file with these events, little or big endian. */
export function writeUsbmon(events: readonly EventSpec[], little = true): Uint8Array {
  const u16 = (value: number): Buffer => endian(value, 2, little);
  const u32 = (value: number): Buffer => endian(value >>> 0, 4, little);
  const block = (type: number, ...parts: Buffer[]): Buffer => {
    const body = Buffer.concat(parts);
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    return Buffer.concat([u32(type), u32(padded.length + 12), padded, u32(padded.length + 12)]);
  };
  const section = block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff));
  const packets = events.map((event, position) => {
    const data = Buffer.from(event.data ?? '', 'hex');
    const head = Buffer.alloc(64);
    endian(event.id, 4, little).copy(head, little ? 0 : 4);
    head[8] = event.event.charCodeAt(0);
    head[9] = TRANSFERS[event.transfer];
    head[10] = event.endpoint;
    head[11] = event.address ?? 47;
    u16(1).copy(head, 12);
    head[14] = event.setup ? 0 : 0x2d;
    u32(event.status ?? (event.event === 'S' ? -115 : 0)).copy(head, 28);
    u32(data.length).copy(head, 32);
    u32(data.length).copy(head, 36);
    if (event.setup) Buffer.from(event.setup, 'hex').copy(head, 40);
    const packet = Buffer.concat([head, data]);
    return block(6, u32(0), u32(0), u32(position * 10), u32(packet.length), u32(packet.length), packet);
  });
  // A block that no reader needs to know, too.
  return Buffer.concat([section, block(1, u16(220), u16(0), u32(0)), block(5, Buffer.alloc(8)), ...packets]);
}

function endian(value: number, bytes: number, little: boolean): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (little) buffer.writeUIntLE(value, 0, bytes);
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
