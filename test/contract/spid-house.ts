import { createSpidServerClient, type SpidServerClient } from '@atesto/shared/upstreams/spid-server';
import { drawFace } from '@atesto/simulators/people/face';
import {
  encodePng,
  type Matcher,
  readBiometric,
  type StoredBiometric,
  toWireBiometric,
  type WireBiometric,
} from '@atesto/simulators/spid-server/biometrics';
import {
  createSpidServerSimulator,
  type SpidServerSimulator,
  type SpidServerSimulatorOptions,
} from '@atesto/simulators/spid-server/simulator';
import { encode } from 'fast-png';

/** Nobody: unknown to the server. */
export const ana = '12345678909';
/** Enrolled, with two fingers and a face. */
export const bia = '73689290074';
/** May submit. */
export const operator = '00001010018';
/** Inserted by an administrator, never enrolled. */
export const newcomer = '00001010360';

/** A client, a simulator and the socket between them. */
export interface House {
  simulator: SpidServerSimulator;
  client: SpidServerClient;
  /** Epoch milliseconds that the simulator goes by. */
  clock: number;
  close(): Promise<void>;
}

/** A picture whose shade says whose finger it is; the matcher of these tests looks at nothing else. */
export function finger(index: number, shade: number): WireBiometric {
  const pixels = new Uint8Array(32 * 48).fill(shade);
  return toWireBiometric(index, encodePng({ width: 32, height: 48, pixels, dpiX: 500, dpiY: 500 }));
}
const sameShade: Matcher = (enrolled, probe) => enrolled.pixels[0] === probe.pixels[0];

const drawn = new Map<string, string>();

/** Base64 of a drawn portrait's PNG. */
export function portrait(seed: string, n = 0): string {
  const key = `${seed} ${n}`;
  const known = drawn.get(key);
  if (known !== undefined) return known;
  const { width, height, pixels } = drawFace(seed, n);
  const text = Buffer.from(encode({ width, height, data: pixels, channels: 3, depth: 8 })).toString('base64');
  drawn.set(key, text);
  return text;
}

let record: StoredBiometric[] | undefined;
/** Read once: a portrait takes longer than a server's start. */
function recordOfBia(): StoredBiometric[] {
  const face = () => toWireBiometric(10, Buffer.from(portrait('bia'), 'base64'), 300);
  record ??= [finger(6, 20), finger(7, 20), face()]
    .map((wire) => readBiometric(wire))
    .filter((one) => typeof one !== 'string');
  return record;
}

export async function openHouse(
  options: SpidServerSimulatorOptions = {},
  connect: Partial<Parameters<typeof createSpidServerClient>[0]> = {},
  port?: number,
): Promise<House> {
  const house = { clock: 1_732_147_200_000 };
  const simulator = createSpidServerSimulator({
    matches: sameShade,
    operators: [
      { cpf: operator, biometrics: [finger(6, 200)] },
      { cpf: newcomer, status: 'PENDING' },
    ],
    now: () => house.clock,
    ...options,
  });
  simulator.state.seedPerson(bia, recordOfBia());
  const url = await simulator.listen(port);
  const client = createSpidServerClient({ url, timeouts: { submitMs: 5_000, readMs: 5_000 }, ...connect });
  return Object.assign(house, {
    simulator,
    client,
    async close() {
      await client.close();
      await simulator.close();
    },
  });
}

/** A submission of the current family. */
export function submission(userId: string, shade: number, operatorId = operator) {
  const biometrics = [finger(6, shade), finger(7, shade)];
  return { data: { biometrics, missingBiometrics: [], userId, operatorId, timestamp: 1_732_147_200_000 } };
}

/** The same in the session family's form. */
export function contents(shade: number) {
  return [finger(6, shade)].map(({ index, content, width, height, resolution }) => ({
    index,
    content,
    properties: { 'image-properties': { width, height, resolution } },
  }));
}

/** The value of a call that has to succeed. @throws Error naming what became of it */
export function must<T>(result: { kind: 'ok' | 'done'; value: T } | { kind: string; reason?: string }): T {
  if ('value' in result) return result.value;
  throw new Error(`${result.kind} ${result.reason ?? ''}`);
}
