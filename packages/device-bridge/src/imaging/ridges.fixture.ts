import type { GreyImage } from '../drivers/driver.ts';

/** Straight ridges of a given period along x and y, dark on light. */
export function ridges(width: number, height: number, period: { x: number; y: number }): GreyImage {
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => {
    const phase = (at % width) / period.x + Math.floor(at / width) / period.y;
    return Math.round(127.5 + 100 * Math.sin(2 * Math.PI * phase));
  });
  return { width, height, pixels, dpiX: 500, dpiY: 500 };
}

/** Bytes that look random and are the same each time. */
export function noise(width: number, height: number): GreyImage {
  let state = 1;
  const pixels = Uint8Array.from({ length: width * height }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { width, height, pixels, dpiX: 500, dpiY: 500 };
}

export function flat(width: number, height: number, value: number): GreyImage {
  return { width, height, pixels: new Uint8Array(width * height).fill(value), dpiX: 500, dpiY: 500 };
}

/** Milliseconds of the quickest of ten runs: what the work costs, not what else the machine does. */
export function quickest(work: () => unknown): number {
  const runs = Array.from({ length: 10 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return Math.min(...runs);
}
