import type { Template } from './template.ts';

/** A square cut out of a print, turned, with mean 0 and length 1. */
export interface Patch {
  radius: number;
  values: Float32Array;
}

/**
 * Cuts the square whose middle is (x, y), so turned that it lies straight in a print that is turned by `angle` (radians,
 * clockwise in the picture). `undefined` if less than 70 % of it shows ridges.
 */
export function cutPatch(print: Template, x: number, y: number, angle: number, radius: number): Patch | undefined {
  const { width, height, ridges, mask } = print;
  const size = 2 * radius + 1;
  const values = new Float32Array(size * size);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  let covered = 0;
  let sum = 0;
  for (let v = -radius, at = 0; v <= radius; v++) {
    for (let u = -radius; u <= radius; u++, at++) {
      const px = x + cos * u + sin * v;
      const py = y - sin * u + cos * v;
      const left = Math.floor(px);
      const top = Math.floor(py);
      if (left < 0 || top < 0 || left + 1 >= width || top + 1 >= height) continue;
      const from = top * width + left;
      covered += mask[from] as number;
      const a = px - left;
      const b = py - top;
      const upper = (ridges[from] as number) * (1 - a) + (ridges[from + 1] as number) * a;
      const lower = (ridges[from + width] as number) * (1 - a) + (ridges[from + width + 1] as number) * a;
      const value = upper * (1 - b) + lower * b;
      values[at] = value;
      sum += value;
    }
  }
  if (covered < 0.7 * values.length) return undefined;
  const mean = sum / values.length;
  let square = 0;
  for (let i = 0; i < values.length; i++) {
    const value = (values[i] as number) - mean;
    values[i] = value;
    square += value * value;
  }
  const scale = 1 / Math.sqrt(square + 1e-9);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * scale;
  return { radius, values };
}

/**
 * Correlation, -1..1, of a patch with the print around the pixel (x, y). `step` leaves out pixels for a quick look.
 * -1 where the patch would hang over the picture's edge.
 */
export function correlate(patch: Patch, print: Template, x: number, y: number, step = 1): number {
  const { radius, values } = patch;
  const { width, height, ridges } = print;
  if (x < radius || y < radius || x + radius >= width || y + radius >= height) return -1;
  const size = 2 * radius + 1;
  let product = 0;
  let sum = 0;
  let square = 0;
  let own = 0;
  let count = 0;
  for (let v = 0; v < size; v += step) {
    let at = v * size;
    let from = (y - radius + v) * width + x - radius;
    for (let u = 0; u < size; u += step, at += step, from += step) {
      const value = ridges[from] as number;
      const other = values[at] as number;
      product += value * other;
      sum += value;
      square += value * value;
      own += other * other;
      count++;
    }
  }
  return product / Math.sqrt((square - (sum * sum) / count) * own + 1e-9);
}
