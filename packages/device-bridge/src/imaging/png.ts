import { crc32, deflateSync } from 'node:zlib';
import type { GreyImage } from '../drivers/driver.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const METRES_PER_INCH = 0.0254;
const PER_METRE = 1;
/** Each row as its difference from the one above: ridges change slowly from row to row. */
const FILTER_UP = 2;

/**
 * Encodes grey pixels as PNG (ISO/IEC 15948): 8 bit grey, resolution in pHYs (500 dpi is 19 685 pixels a metre), lossless.
 * The canonical form of a capture.
 * @throws RangeError if the pixels do not fill the image
 */
export function encodePng(image: GreyImage): Uint8Array {
  const { width, height, pixels } = image;
  if (!(width > 0 && height > 0) || pixels.length !== width * height)
    throw new RangeError('pixels do not fill width x height');
  const header = new Uint8Array(13);
  const headerView = new DataView(header.buffer);
  headerView.setUint32(0, width);
  headerView.setUint32(4, height);
  // Bit depth 8, colour type 0 (grey), and the only methods there are.
  header[8] = 8;
  const density = new Uint8Array(9);
  const densityView = new DataView(density.buffer);
  densityView.setUint32(0, Math.round(image.dpiX / METRES_PER_INCH));
  densityView.setUint32(4, Math.round(image.dpiY / METRES_PER_INCH));
  density[8] = PER_METRE;
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('pHYs', density),
    chunk('IDAT', deflateSync(filterUp(image))),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

function filterUp({ width, height, pixels }: GreyImage): Uint8Array {
  const filtered = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) {
    const to = y * (width + 1);
    const from = y * width;
    filtered[to] = FILTER_UP;
    for (let x = 0; x < width; x++) {
      const above = y === 0 ? 0 : (pixels[from - width + x] as number);
      filtered[to + 1 + x] = (pixels[from + x] as number) - above;
    }
  }
  return filtered;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(Buffer.from(type, 'latin1'), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
