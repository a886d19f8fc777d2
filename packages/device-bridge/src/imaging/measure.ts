import type { GreyImage } from '../drivers/driver.ts';

/**
 * Advisory figures of a fingerprint image, each from 0 to 1, to tell a person at the reader to try again. They are not NFIQ
 * and not comparable with any quality score.
 */
export interface ImageMeasures {
  /** Share of the image in which there is a finger. */
  coverage: number;
  /** Difference between ridge and valley where there is a finger: 1 is black on white. */
  contrast: number;
  /** How much ridges run in one direction within each small area: near 1 for clear ridges, low for smudges and noise. */
  orientation: number;
}

/** Edge of an area in pixels: about two ridge periods at 500 dpi. */
const AREA = 16;
/** Standard deviation from which an area counts as finger; a clean platen's noise stays far below. */
const FINGER_DEVIATION = 12;

/**
 * Looks at areas of 16 x 16 pixels; a rest at the right and lower edge is left out.
 * @throws RangeError if the pixels do not fill the image
 */
export function measure(image: GreyImage): ImageMeasures {
  const { width, height, pixels } = image;
  if (pixels.length !== width * height) throw new RangeError('pixels do not fill width x height');
  let areas = 0;
  let finger = 0;
  let contrast = 0;
  let orientation = 0;
  for (let top = 0; top + AREA <= height; top += AREA) {
    for (let left = 0; left + AREA <= width; left += AREA) {
      areas += 1;
      const area = look(pixels, width, top, left);
      if (area.deviation < FINGER_DEVIATION) continue;
      finger += 1;
      contrast += area.deviation;
      orientation += area.coherence;
    }
  }
  if (finger === 0) return { coverage: 0, contrast: 0, orientation: 0 };
  return {
    coverage: finger / areas,
    // Half black, half white has a standard deviation of 127.5.
    contrast: Math.min(1, contrast / finger / 127.5),
    orientation: orientation / finger,
  };
}

/** Standard deviation, and the coherence of the gradients: how far apart the eigenvalues of their structure tensor are. */
function look(pixels: Uint8Array, width: number, top: number, left: number): { deviation: number; coherence: number } {
  let sum = 0;
  let squares = 0;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let y = top; y < top + AREA; y++) {
    const row = y * width;
    const inner = y > top && y < top + AREA - 1;
    for (let x = left; x < left + AREA; x++) {
      const at = row + x;
      const value = pixels[at] as number;
      sum += value;
      squares += value * value;
      if (!inner || x === left || x === left + AREA - 1) continue;
      const dx = (pixels[at + 1] as number) - (pixels[at - 1] as number);
      const dy = (pixels[at + width] as number) - (pixels[at - width] as number);
      xx += dx * dx;
      yy += dy * dy;
      xy += dx * dy;
    }
  }
  const count = AREA * AREA;
  const variance = Math.max(0, squares / count - (sum / count) ** 2);
  const energy = xx + yy;
  const coherence = energy === 0 ? 0 : Math.sqrt((xx - yy) ** 2 + 4 * xy * xy) / energy;
  return { deviation: Math.sqrt(variance), coherence };
}
