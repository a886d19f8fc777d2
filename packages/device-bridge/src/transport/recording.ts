import { type DescriptorFacts, readDeviceDescriptor } from './descriptors.ts';
import { RecordingError, type UsbmonEvent, type UsbmonTransfer } from './usbmon.ts';

/** One transfer of a recording: what the host asked and what came of it. */
export interface Exchange {
  transfer: UsbmonTransfer;
  /** Endpoint address with the direction bit. */
  endpoint: number;
  /** Position in the recording at which the host asked; -1 if it did before the recording began. */
  submitted: number;
  /** Position of the completion; `undefined` if the recording ends before it. */
  completed: number | undefined;
  /** 0 or a negative errno. */
  status: number;
  setup?: Uint8Array;
  /** What the host sent (OUT) or got (IN). */
  data: Uint8Array;
}

export interface Recording {
  device: DescriptorFacts;
  /** In order of submission, without the standard requests (GET_DESCRIPTOR and the like) of the operating system. */
  exchanges: Exchange[];
}

const STANDARD_MASK = 0x60;
const GET_DESCRIPTOR = 6;
/** -ENOENT and -ECONNRESET: the host took its own transfer back. */
const TAKEN_BACK: ReadonlySet<number> = new Set([-2, -104]);

/** The device never answered: the host cancelled it, or the recording stopped first. */
export function wasTakenBack(exchange: Exchange): boolean {
  return exchange.completed === undefined || TAKEN_BACK.has(exchange.status);
}

/**
 * Pairs the events of one device.
 * @param address bus address of the device; needed where the recording holds several
 * @throws RecordingError `malformed` if it holds none or several devices, or no device descriptor
 */
export function readRecording(events: readonly UsbmonEvent[], address?: number): Recording {
  const addresses = new Set(events.map((event) => event.address));
  const chosen = address ?? [...addresses][0];
  if (chosen === undefined || !addresses.has(chosen)) throw new RecordingError('malformed', 0, 'no such device');
  if (address === undefined && addresses.size > 1)
    throw new RecordingError('malformed', 0, `${addresses.size} devices, name one of ${[...addresses].join(', ')}`);
  const exchanges = pair(events.filter((event) => event.address === chosen));
  const device = exchanges.filter(isDeviceDescriptor).map((exchange) => readDeviceDescriptor(exchange.data))[0];
  if (!device) throw new RecordingError('malformed', 0, 'no device descriptor in the recording');
  return { device, exchanges: exchanges.filter((exchange) => !isStandard(exchange)) };
}

function pair(events: readonly UsbmonEvent[]): Exchange[] {
  const exchanges: Exchange[] = [];
  const open = new Map<bigint, Exchange>();
  events.forEach((event, position) => {
    if (event.event === 'submit') {
      const { transfer, endpoint, setup, data } = event;
      const exchange: Exchange = {
        transfer,
        endpoint,
        submitted: position,
        completed: undefined,
        status: 0,
        data,
        ...(setup ? { setup } : {}),
      };
      exchanges.push(exchange);
      open.set(event.id, exchange);
      return;
    }
    let exchange = open.get(event.id);
    open.delete(event.id);
    if (!exchange) {
      const { transfer, endpoint } = event;
      exchange = { transfer, endpoint, submitted: -1, completed: undefined, status: 0, data: new Uint8Array(0) };
      exchanges.unshift(exchange);
    }
    exchange.completed = position;
    exchange.status = event.status;
    if (exchange.endpoint & 0x80) exchange.data = event.data;
  });
  return exchanges;
}

function isStandard({ setup }: Exchange): boolean {
  return setup !== undefined && ((setup[0] ?? 0) & STANDARD_MASK) === 0;
}

function isDeviceDescriptor({ setup, status }: Exchange): boolean {
  return setup?.[0] === 0x80 && setup[1] === GET_DESCRIPTOR && setup[3] === 1 && status === 0;
}
