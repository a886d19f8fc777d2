import { inflateSync } from 'node:zlib';

/** Grey pixels of an 8-bit PNG (grey, or RGB with equal channels), and its resolution in pixels a metre: what tests compare with. */
export function decodePng(file: Uint8Array) {
  const bytes = Buffer.from(file);
  const parts: Buffer[] = [];
  let [width, height, perMetreX, perMetreY, channels] = [0, 0, 0, 0, 1];
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const data = bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at));
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IHDR') {
      [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
      channels = { '0800000000': 1, '0802000000': 3 }[data.toString('hex', 8)] ?? 0;
      if (channels === 0) throw new Error('not 8-bit grey or RGB without interlace');
    }
    if (type === 'pHYs') [perMetreX, perMetreY] = [data.readUInt32BE(0), data.readUInt32BE(4)];
    if (type === 'IDAT') parts.push(data);
  }
  const samples = unfilter(inflateSync(Buffer.concat(parts)), width * channels, height, channels);
  const pixels = samples.filter((_, at) => at % channels === 0);
  if (samples.some((value, at) => value !== pixels[Math.floor(at / channels)])) throw new Error('not grey');
  return { width, height, pixels, perMetreX, perMetreY };
}

function unfilter(raw: Uint8Array, stride: number, height: number, channels: number): Uint8Array {
  const out = new Uint8Array(stride * height);
  const get = (x: number, y: number): number => (x < 0 || y < 0 ? 0 : (out[y * stride + x] ?? 0));
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)] ?? 0;
    for (let x = 0; x < stride; x++) {
      const [left, up, corner] = [get(x - channels, y), get(x, y - 1), get(x - channels, y - 1)];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? Number.NaN;
      out[y * stride + x] = (raw[y * (stride + 1) + 1 + x] ?? 0) + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value)) as [number, number, number];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
