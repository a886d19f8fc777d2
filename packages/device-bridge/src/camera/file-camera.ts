import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type FaceMeasures, measureFace } from '@atesto/shared/domain/face-measures';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import { CaptureError } from '../drivers/driver.ts';
import { decodePng } from '../imaging/decode-png.ts';
import type { Camera } from './camera.ts';

const BYTES_MAX = 16 * 1024 * 1024;
const PICTURE = /\.(?:png|jpe?g)$/i;

/**
 * A virtual camera: gives a file, or the pictures of a folder in the order of their names, one after the other and from the beginning again. The files
 * are read anew each time, so that whoever writes them decides what is before the camera. PNGs are measured, JPEGs are not.
 */
export function fileCamera(location: string): Camera {
  let taken = 0;
  return {
    name: 'Virtual camera',
    async takeFace(signal) {
      const bytes = await read(location, taken, signal);
      const header = readImageHeader(bytes);
      if (header?.format !== 'png' && header?.format !== 'jpeg')
        throw new CaptureError('device-fault', 'the virtual camera’s file is no PNG or JPEG picture');
      taken += 1;
      const { format, width, height } = header;
      const measures = format === 'png' ? measured(bytes) : undefined;
      return { bytes, type: `image/${format}`, width, height, ...(measures && { measures }) };
    },
  };
}

async function read(location: string, turn: number, signal: AbortSignal): Promise<Buffer> {
  try {
    const isFolder = (await stat(location)).isDirectory();
    const names = isFolder ? (await readdir(location)).filter((name) => PICTURE.test(name)).sort() : [];
    if (isFolder && names.length === 0) throw new CaptureError('device-lost', 'the virtual camera’s folder is empty');
    const file = isFolder ? path.join(location, names[turn % names.length] as string) : location;
    if ((await stat(file)).size > BYTES_MAX)
      throw new CaptureError('device-fault', 'the virtual camera’s file is too large');
    return await readFile(file, { signal });
  } catch (error) {
    if (signal.aborted) throw new CaptureError('cancelled', 'the capture was cancelled', { cause: error });
    if (error instanceof CaptureError) throw error;
    throw new CaptureError('device-lost', 'the virtual camera’s file cannot be read', { cause: error });
  }
}

/** They are advice: a PNG of a kind that the decoder does not read goes without them. */
function measured(png: Uint8Array): FaceMeasures | undefined {
  const pixels = decodePng(png);
  return pixels && measureFace(pixels);
}
