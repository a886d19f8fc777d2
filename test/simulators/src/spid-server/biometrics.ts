import type { biometric } from '@atesto/shared/contracts/spid-server';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import { decode, encode } from 'fast-png';
import type * as z from 'zod';
import type { GreyImage } from '../people/grey.ts';
import { decodeColour, type FaceMatcher } from './faces.ts';

/** A biometric as it travels. */
export type WireBiometric = z.infer<typeof biometric>;

/** Decides whether two pictures show the same finger. */
export type Matcher = (enrolled: GreyImage, probe: GreyImage) => boolean | Promise<boolean>;

/** A biometric as the simulator keeps it: as it came, since pixels take several times the room. */
export interface StoredBiometric {
  index: number;
  width: number;
  height: number;
  resolution: number;
  bytes: Buffer;
}

/** What remains of one in a transaction that has been decided. */
export type BiometricFacts = Omit<StoredBiometric, 'bytes'>;

export function factsOf({ index, width, height, resolution }: StoredBiometric): BiometricFacts {
  return { index, width, height, resolution };
}

/** A grey picture as PNG, eight bits. */
export function encodePng({ width, height, pixels }: GreyImage): Uint8Array {
  return encode({ width, height, data: pixels, channels: 1, depth: 8 });
}

/** The wire form of a picture. @throws RangeError when the bytes are not a picture. */
export function toWireBiometric(index: number, picture: Uint8Array, resolution = 500): WireBiometric {
  const header = readImageHeader(picture);
  if (!header) throw new RangeError('not a PNG, JPEG or WebP');
  const { width, height } = header;
  return { index, content: Buffer.from(picture).toString('base64'), width, height, resolution };
}

/** Reads one biometric, or says what is wrong with it (never what is in it). `decoding` proves a PNG whole, not only its head. */
export function readBiometric(wire: WireBiometric, decoding = true): StoredBiometric | string {
  const at = `biometric ${wire.index}`;
  const { index, width, height, resolution } = wire;
  // Cheaper than an expression over megabytes: what Node decodes has to have the length that the text promises.
  const bytes = Buffer.from(wire.content, 'base64');
  const padding = wire.content.endsWith('==') ? 2 : wire.content.endsWith('=') ? 1 : 0;
  if (wire.content.length === 0 || wire.content.length % 4 !== 0) return `${at}: content is not base64`;
  if (bytes.length !== (wire.content.length / 4) * 3 - padding) return `${at}: content is not base64`;
  const header = readImageHeader(bytes);
  if (!header) return `${at}: content is not a picture`;
  if (header.width !== width || header.height !== height) return `${at}: width and height are not the picture's`;
  if (resolution < 100 || resolution > 2_000) return `${at}: resolution is not plausible`;
  if (decoding && header.format === 'png' && !decodePng(bytes, resolution)) return `${at}: picture cannot be decoded`;
  return { index, width, height, resolution, bytes };
}

/** Grey pixels of a PNG; colour becomes luma, 16 bits become 8. Undefined when it is broken or another format (a JPEG face). */
function decodePng(bytes: Buffer, resolution: number): GreyImage | undefined {
  try {
    const { width, height, data, channels, depth, palette } = decode(bytes, { checkCrc: true });
    if (palette || depth < 8) return undefined;
    const shift = depth === 16 ? 8 : 0;
    const sample = (at: number) => (data[at] ?? 0) >> shift;
    const pixels = new Uint8Array(width * height);
    for (let i = 0; i < pixels.length; i++) {
      const at = i * channels;
      pixels[i] =
        channels < 3 ? sample(at) : Math.round(0.299 * sample(at) + 0.587 * sample(at + 1) + 0.114 * sample(at + 2));
    }
    return { width, height, pixels, dpiX: resolution, dpiY: resolution };
  } catch {
    return undefined;
  }
}

/** A stored biometric as it came. */
export function wireOf({ bytes, index, width, height, resolution }: StoredBiometric): WireBiometric {
  return { index, content: bytes.toString('base64'), width, height, resolution };
}

/** How fingers and faces are compared. */
export interface Matchers {
  finger: Matcher;
  face: FaceMatcher;
}

async function sameBiometric(
  reference: StoredBiometric,
  probe: StoredBiometric,
  matchers: Matchers,
): Promise<boolean | undefined> {
  if (probe.index === FACE_INDEX) {
    const [known, given] = [decodeColour(reference.bytes), decodeColour(probe.bytes)];
    return known && given && matchers.face(known, given);
  }
  const known = decodePng(reference.bytes, reference.resolution);
  const given = decodePng(probe.bytes, probe.resolution);
  return known && given && matchers.finger(known, given);
}

/**
 * The decision of a verification: each finger, and the face, that was enrolled and given is compared, and more than half have to be the
 * same. Undefined when there was nothing to compare.
 */
export async function compare(
  enrolled: ReadonlyMap<number, StoredBiometric>,
  probes: readonly StoredBiometric[],
  matchers: Matchers,
): Promise<boolean | undefined> {
  let compared = 0;
  let same = 0;
  for (const probe of probes) {
    const reference = enrolled.get(probe.index);
    const decision = reference && (await sameBiometric(reference, probe, matchers));
    if (decision === undefined) continue;
    compared += 1;
    if (decision) same += 1;
  }
  return compared === 0 ? undefined : same * 2 > compared;
}

/** Reads all, or says what is wrong with the first that is bad. */
export function readAll(wires: readonly WireBiometric[]): StoredBiometric[] | string {
  const stored: StoredBiometric[] = [];
  for (const wire of wires) {
    const one = readBiometric(wire);
    if (typeof one === 'string') return one;
    stored.push(one);
  }
  return stored;
}
