/** Weights of one output sample: input positions from `first` on. */
interface Taps {
  first: number;
  weights: Float64Array;
}

/**
 * Resamples grey pixels with a Catmull-Rom cubic, widened where the image shrinks so that nothing between the samples is
 * lost. The outer edges of both images coincide; beyond the edge the last pixel goes on. Only sums and products of doubles,
 * so the result is the same on every machine.
 */
export function resample(
  image: { width: number; height: number; pixels: Uint8Array },
  width: number,
  height: number,
): Uint8Array {
  const { pixels } = image;
  if (pixels.length !== image.width * image.height) throw new RangeError('pixels do not fill width x height');
  const across = taps(image.width, width);
  const rows = new Float64Array(width * image.height);
  for (let y = 0; y < image.height; y++) {
    const line = y * image.width;
    for (let x = 0; x < width; x++) {
      const { first, weights } = across[x] as Taps;
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += (weights[i] as number) * (pixels[line + first + i] as number);
      rows[y * width + x] = sum;
    }
  }
  const down = taps(image.height, height);
  const out = new Uint8Array(width * height);
  const line = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    const { first, weights } = down[y] as Taps;
    line.fill(0);
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i] as number;
      const from = (first + i) * width;
      for (let x = 0; x < width; x++) line[x] = (line[x] as number) + weight * (rows[from + x] as number);
    }
    for (let x = 0; x < width; x++) out[y * width + x] = Math.max(0, Math.min(255, Math.round(line[x] as number)));
  }
  return out;
}

function taps(from: number, to: number): Taps[] {
  const ratio = from / to;
  const stretch = Math.max(1, ratio);
  const reach = 2 * stretch;
  return Array.from({ length: to }, (_, index) => {
    const centre = (index + 0.5) * ratio - 0.5;
    const low = Math.ceil(centre - reach);
    const high = Math.floor(centre + reach);
    const first = Math.max(0, low);
    const weights = new Float64Array(Math.min(from - 1, high) - first + 1);
    let total = 0;
    for (let at = low; at <= high; at++) {
      const weight = catmullRom((at - centre) / stretch);
      const inside = Math.max(0, Math.min(from - 1, at)) - first;
      weights[inside] = (weights[inside] as number) + weight;
      total += weight;
    }
    for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) / total;
    return { first, weights };
  });
}

function catmullRom(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}
