import { whiteNoise } from './noise.ts';

/** What the ridges have to follow, per pixel of the picture they are grown on. */
export interface RidgeGuide {
  width: number;
  height: number;
  /** Ridge direction, radians modulo π, y downwards. */
  direction: Float32Array;
  /** Distance from ridge to ridge, pixels. */
  period: Float32Array;
}

const directions = 64;
const periods = 7;
/** Relative step between two neighbouring period classes, around the middle class. */
const periodStep = 0.055;

/** Filters of one size, for each quantised direction and period, and which of them each pixel uses. */
interface Bank {
  radius: number;
  /** One row of (2·radius+1)² weights per filter. */
  kernels: Float32Array[];
  choice: Uint16Array;
}

/**
 * Grows ridges out of noise: a filter that answers to stripes of the wanted direction and width is applied again and
 * again; stripes form everywhere at once and where they meet out of step, endings and bifurcations remain, as in skin.
 * The first, coarse rounds run at half size, where they cost a sixteenth.
 *
 * @returns ridge height in [-1, 1], positive on a ridge, for each pixel of the guide; -1 outside the oval that touches
 * the four sides, where no skin is.
 */
export function growRidges(guide: RidgeGuide, seed: string, rounds = 12): Float32Array {
  const half = halve(guide);
  const coarse = bank(half, 1.5);
  let field = whiteNoise(seed, half.width * half.height);
  for (let round = 0; round < rounds; round++) field = apply(half, coarse, field, 2.2);
  const fine = enlarge(field, half.width, half.height, guide.width, guide.height);
  const sharp = bank(guide, 1.05);
  return apply(guide, sharp, fine, 1.25);
}

function halve(guide: RidgeGuide): RidgeGuide {
  const width = guide.width >> 1;
  const height = guide.height >> 1;
  const direction = new Float32Array(width * height);
  const period = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 2 * y * guide.width + 2 * x;
      direction[y * width + x] = guide.direction[from] as number;
      period[y * width + x] = (guide.period[from] as number) / 2;
    }
  }
  return { width, height, direction, period };
}

/** @param reach radius of the filters, in ridge periods. */
function bank(guide: RidgeGuide, reach: number): Bank {
  const { direction, period } = guide;
  let mean = 0;
  for (const value of period) mean += value / period.length;
  const radius = Math.round(reach * mean);
  const kernels: Float32Array[] = [];
  for (let p = 0; p < periods; p++) {
    const wavelength = mean * (1 + (p - (periods - 1) / 2) * periodStep);
    for (let d = 0; d < directions; d++) kernels.push(kernel((d * Math.PI) / directions, wavelength, radius));
  }
  const choice = new Uint16Array(direction.length);
  for (let i = 0; i < choice.length; i++) {
    const turn = (direction[i] as number) / Math.PI;
    const d = Math.round((turn - Math.floor(turn)) * directions) % directions;
    const p = Math.round(((period[i] as number) / mean - 1) / periodStep + (periods - 1) / 2);
    choice[i] = Math.max(0, Math.min(periods - 1, p)) * directions + d;
  }
  return { radius, kernels, choice };
}

/** A Gabor filter without response to flat areas, scaled to answer 1 to a perfect stripe pattern of height 1. */
function kernel(angle: number, wavelength: number, radius: number): Float32Array {
  const size = 2 * radius + 1;
  const weights = new Float32Array(size * size);
  const across = 0.4 * wavelength;
  const along = 0.46 * wavelength;
  const wave = new Float32Array(size * size);
  let sumGauss = 0;
  let sumWeights = 0;
  for (let y = -radius; y <= radius; y++) {
    for (let x = -radius; x <= radius; x++) {
      const at = (y + radius) * size + x + radius;
      const u = -x * Math.sin(angle) + y * Math.cos(angle);
      const v = x * Math.cos(angle) + y * Math.sin(angle);
      const gauss = Math.exp(-(u * u) / (2 * across * across) - (v * v) / (2 * along * along));
      wave[at] = Math.cos((2 * Math.PI * u) / wavelength);
      weights[at] = gauss * (wave[at] as number);
      sumGauss += gauss;
      sumWeights += weights[at] as number;
    }
  }
  let answer = 0;
  for (let y = -radius, at = 0; y <= radius; y++) {
    for (let x = -radius; x <= radius; x++, at++) {
      const u = -x * Math.sin(angle) + y * Math.cos(angle);
      const v = x * Math.cos(angle) + y * Math.sin(angle);
      const gauss = Math.exp(-(u * u) / (2 * across * across) - (v * v) / (2 * along * along));
      weights[at] = (weights[at] as number) - (gauss * sumWeights) / sumGauss;
      answer += (weights[at] as number) * (wave[at] as number);
    }
  }
  for (let at = 0; at < weights.length; at++) weights[at] = (weights[at] as number) / answer;
  return weights;
}

/** One round: each pixel becomes its filter's answer, amplified and limited to ±1. */
function apply(guide: RidgeGuide, filters: Bank, field: Float32Array, gain: number): Float32Array {
  const { width, height } = guide;
  const { radius, kernels, choice } = filters;
  const size = 2 * radius + 1;
  const stride = width + 2 * radius;
  const padded = mirrorPad(field, width, height, radius);
  const result = new Float32Array(width * height).fill(-1);
  for (let y = 0; y < height; y++) {
    const span = halfSpan(y, width, height);
    const end = Math.ceil(width / 2 + span);
    for (let x = Math.floor(width / 2 - span); x < end; x++) {
      const weights = kernels[choice[y * width + x] as number] as Float32Array;
      let sum = 0;
      for (let ky = 0, k = 0; ky < size; ky++) {
        let at = (y + ky) * stride + x;
        for (let kx = 0; kx < size; kx++) sum += (weights[k++] as number) * (padded[at++] as number);
      }
      sum *= gain;
      result[y * width + x] = sum > 1 ? 1 : Math.max(sum, -1);
    }
  }
  return result;
}

/** Half the width of the oval of skin in a row. */
function halfSpan(y: number, width: number, height: number): number {
  const v = (y + 0.5) / (height / 2) - 1;
  return (width / 2) * Math.sqrt(1 - v * v);
}

function mirrorPad(field: Float32Array, width: number, height: number, by: number): Float32Array {
  const stride = width + 2 * by;
  const padded = new Float32Array(stride * (height + 2 * by));
  const mirror = (value: number, length: number) =>
    value < 0 ? -value : value >= length ? 2 * length - 2 - value : value;
  for (let y = 0; y < height + 2 * by; y++) {
    const row = mirror(y - by, height) * width;
    for (let x = 0; x < stride; x++) padded[y * stride + x] = field[row + mirror(x - by, width)] as number;
  }
  return padded;
}

function enlarge(field: Float32Array, width: number, height: number, toWidth: number, toHeight: number): Float32Array {
  const result = new Float32Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    const v = Math.min(height - 1, y / 2);
    const top = Math.min(height - 2, Math.floor(v));
    for (let x = 0; x < toWidth; x++) {
      const u = Math.min(width - 1, x / 2);
      const left = Math.min(width - 2, Math.floor(u));
      const at = top * width + left;
      const a = u - left;
      const b = v - top;
      const upper = (field[at] as number) * (1 - a) + (field[at + 1] as number) * a;
      const lower = (field[at + width] as number) * (1 - a) + (field[at + width + 1] as number) * a;
      result[y * toWidth + x] = upper * (1 - b) + lower * b;
    }
  }
  return result;
}
