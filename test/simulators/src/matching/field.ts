/** A grid of numbers, row by row. */
export interface Field {
  width: number;
  height: number;
  values: Float32Array;
}

export function field(width: number, height: number, values: Float32Array = new Float32Array(width * height)): Field {
  return { width, height, values };
}

/** Mean over a square of 2·radius+1 pixels around each pixel, cut at the border. */
export function boxMean({ width, height, values }: Field, radius: number): Field {
  const across = new Float32Array(width * height);
  for (let y = 0; y < height; y++) slide(values, across, y * width, 1, width, radius);
  const both = new Float32Array(width * height);
  for (let x = 0; x < width; x++) slide(across, both, x, width, height, radius);
  return field(width, height, both);
}

function slide(from: Float32Array, to: Float32Array, start: number, step: number, count: number, radius: number): void {
  let sum = 0;
  for (let i = 0; i < Math.min(radius, count); i++) sum += from[start + i * step] as number;
  for (let i = 0; i < count; i++) {
    if (i + radius < count) sum += from[start + (i + radius) * step] as number;
    if (i - radius - 1 >= 0) sum -= from[start + (i - radius - 1) * step] as number;
    const size = Math.min(count - 1, i + radius) - Math.max(0, i - radius) + 1;
    to[start + i * step] = sum / size;
  }
}

/** Brings a grey image to another size by the mean of the source's area under each pixel. */
export function resize(grey: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Field {
  const narrow = new Float32Array(toWidth * height);
  const columns = shares(width, toWidth);
  for (let y = 0; y < height; y++) {
    columns.forEach(({ first, weights }, x) => {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += (grey[y * width + first + i] as number) * (weights[i] as number);
      narrow[y * toWidth + x] = sum;
    });
  }
  const result = new Float32Array(toWidth * toHeight);
  shares(height, toHeight).forEach(({ first, weights }, y) => {
    weights.forEach((weight, i) => {
      const from = (first + i) * toWidth;
      for (let x = 0; x < toWidth; x++) {
        result[y * toWidth + x] = (result[y * toWidth + x] as number) + weight * (narrow[from + x] as number);
      }
    });
  });
  return field(toWidth, toHeight, result);
}

/** For each target pixel the source pixels under it, with their shares. Enlarging takes the two nearest. */
function shares(from: number, to: number): { first: number; weights: number[] }[] {
  const ratio = from / to;
  return Array.from({ length: to }, (_, place) => {
    const middle = (place + 0.5) * ratio;
    const reach = Math.max(1, ratio) / 2;
    const low = Math.max(0, middle - reach);
    const high = Math.min(from, middle + reach);
    const first = Math.floor(low);
    const weights: number[] = [];
    for (let i = first; i < high; i++) weights.push((Math.min(high, i + 1) - Math.max(low, i)) / (high - low));
    return { first, weights };
  });
}
