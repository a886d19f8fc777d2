import { type Random, random } from './random.ts';

/** Uniform white noise in [-1, 1). */
export function whiteNoise(seed: string, length: number): Float32Array {
  const stream = random(seed);
  return Float32Array.from({ length }, () => stream.next() * 2 - 1);
}

/**
 * Smooth noise in about [-1, 1]: random values on a lattice of `cell` pixels, joined without kinks.
 * Deterministic in the stream's state.
 */
export function smoothNoise(stream: Random, width: number, height: number, cell: number): Float32Array {
  const columns = Math.ceil(width / cell) + 2;
  const rows = Math.ceil(height / cell) + 2;
  const lattice = Float32Array.from({ length: columns * rows }, () => stream.next() * 2 - 1);
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / cell);
    const v = ease(y / cell - row);
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / cell);
      const u = ease(x / cell - column);
      const at = row * columns + column;
      const top = mix(lattice[at] as number, lattice[at + 1] as number, u);
      const bottom = mix(lattice[at + columns] as number, lattice[at + columns + 1] as number, u);
      result[y * width + x] = mix(top, bottom, v);
    }
  }
  return result;
}

/** A smooth field over the plane, made of a few long waves; cheap to ask at any point. Its values are within ±1. */
export function waves(
  stream: Random,
  count: number,
  shortest: number,
  longest: number,
): (x: number, y: number) => number {
  const parts = Array.from({ length: count }, () => {
    const direction = stream.between(0, 2 * Math.PI);
    const number = (2 * Math.PI) / stream.between(shortest, longest);
    return {
      kx: Math.cos(direction) * number,
      ky: Math.sin(direction) * number,
      phase: stream.between(0, 2 * Math.PI),
    };
  });
  return (x, y) => {
    let sum = 0;
    for (const part of parts) sum += Math.sin(part.kx * x + part.ky * y + part.phase);
    return sum / count;
  };
}

function ease(t: number): number {
  return t * t * (3 - 2 * t);
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}
