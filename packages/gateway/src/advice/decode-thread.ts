import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { adviseFace, type FaceAdvice, measureFace } from '@atesto/shared/domain/face-measures';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import decodePng, { init as initPng } from '@jsquash/png/decode.js';
import decodeWebp, { init as initWebp } from '@jsquash/webp/decode.js';

/** The thread of the picture adviser: bytes in, advice out. */

/** Pixels that are decoded at most, in 24 MB: three times what IDCloud recommends. */
const PIXELS_MAX = 6_000_000;

// Browsers have it, and the decoders make one.
class ImageData {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}
Object.assign(globalThis, { ImageData });

type Decode = (bytes: ArrayBuffer) => Promise<ImageData>;

const binary = (file: string) => readFile(new URL(import.meta.resolve(file)));
const loaders: Record<'png' | 'jpeg' | 'webp', () => Promise<Decode>> = {
  png: async () => {
    await initPng(await binary('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'));
    return decodePng as Decode;
  },
  jpeg: async () => {
    await initJpeg({ wasmBinary: await binary('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm') });
    return decodeJpeg as Decode;
  },
  webp: async () => {
    await initWebp({ wasmBinary: await binary('@jsquash/webp/codec/dec/webp_dec.wasm') });
    return decodeWebp as Decode;
  },
};
const loaded: Partial<Record<keyof typeof loaders, Promise<Decode>>> = {};

async function look(picture: Uint8Array): Promise<FaceAdvice | undefined> {
  const header = readImageHeader(picture);
  if (!header || header.width * header.height > PIXELS_MAX) return undefined;
  const { format } = header;
  try {
    loaded[format] ??= loaders[format]();
    const decode = await loaded[format];
    const { width, height, data } = await decode(new Uint8Array(picture).buffer);
    const pixels = {
      width,
      height,
      channels: 4,
      data: new Uint8Array(data.buffer, data.byteOffset, data.length),
    } as const;
    return adviseFace({ width, height }, measureFace(pixels));
  } catch {
    // Broken pixels; nobody knows what they left in its memory.
    delete loaded[format];
    return undefined;
  }
}

parentPort?.on('message', async (picture: Uint8Array) => parentPort?.postMessage(await look(picture)));
