import { boxMean, type Field, field } from './field.ts';

/** Ridge direction as a doubled angle, length 0..1 by certainty. */
export interface Directions {
  cos2: Float32Array;
  sin2: Float32Array;
}

/** Directions by the structure tensor: squared gradients, averaged over about three ridges. */
export function orient(wave: Field): Directions {
  const { width, height, values } = wave;
  const xx = new Float32Array(width * height);
  const yy = new Float32Array(width * height);
  const xy = new Float32Array(width * height);
  // Five points: with three, ridges of four to five pixels would seem to run more slantwise than they do.
  const slope = (at: number, step: number) =>
    8 * ((values[at + step] as number) - (values[at - step] as number)) -
    (values[at + 2 * step] as number) +
    (values[at - 2 * step] as number);
  for (let y = 2; y < height - 2; y++) {
    for (let x = 2; x < width - 2; x++) {
      const at = y * width + x;
      const gx = slope(at, 1);
      const gy = slope(at, width);
      xx[at] = gx * gx;
      yy[at] = gy * gy;
      xy[at] = gx * gy;
    }
  }
  const smooth = (plane: Float32Array) => boxMean(boxMean(field(width, height, plane), 3), 3).values;
  const sxx = smooth(xx);
  const syy = smooth(yy);
  const sxy = smooth(xy);
  const cos2 = new Float32Array(width * height);
  const sin2 = new Float32Array(width * height);
  for (let i = 0; i < cos2.length; i++) {
    const energy = (sxx[i] as number) + (syy[i] as number) + 0.05;
    // The gradient stands across the ridge, hence the sign.
    cos2[i] = ((syy[i] as number) - (sxx[i] as number)) / energy;
    sin2[i] = (-2 * (sxy[i] as number)) / energy;
  }
  return { cos2, sin2 };
}

const sectors = 16;
const radius = 4;

/** Averages along the ridges (and very little across), which closes pores and fills cracks. */
export function smoothAlong(wave: Field, { cos2, sin2 }: Directions): Field {
  const { width, height, values } = wave;
  const kernels = Array.from({ length: sectors }, (_, sector) => lineKernel((sector * Math.PI) / sectors, width));
  const result = new Float32Array(width * height);
  for (let y = radius; y < height - radius; y++) {
    for (let x = radius; x < width - radius; x++) {
      const at = y * width + x;
      const angle = Math.atan2(sin2[at] as number, cos2[at] as number) / 2;
      const { offsets, weights } = kernels[(Math.round((angle / Math.PI) * sectors) + sectors) % sectors] as LineKernel;
      let sum = 0;
      for (let i = 0; i < weights.length; i++)
        sum += (weights[i] as number) * (values[at + (offsets[i] as number)] as number);
      result[at] = sum;
    }
  }
  return field(width, height, result);
}

interface LineKernel {
  offsets: Int32Array;
  weights: Float32Array;
}

function lineKernel(angle: number, width: number): LineKernel {
  const offsets: number[] = [];
  const weights: number[] = [];
  for (let y = -radius; y <= radius; y++) {
    for (let x = -radius; x <= radius; x++) {
      const along = x * Math.cos(angle) + y * Math.sin(angle);
      const across = y * Math.cos(angle) - x * Math.sin(angle);
      const weight = Math.exp(-(along * along) / 8 - (across * across) / 0.9);
      if (weight < 0.02) continue;
      offsets.push(y * width + x);
      weights.push(weight);
    }
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { offsets: Int32Array.from(offsets), weights: Float32Array.from(weights, (weight) => weight / sum) };
}
