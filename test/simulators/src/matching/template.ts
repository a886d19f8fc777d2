import { boxMean, type Field, field, resize } from './field.ts';
import { orient, smoothAlong } from './orient.ts';

/** Resolution in which prints are compared. Ridges are then four to five pixels apart. */
export const templateDpi = 250;

/** What is kept of a print for comparing. Pixels are at 250 dpi. */
export interface Template {
  width: number;
  height: number;
  /** Ridges as a wave around 0 with height of about 1, cleaned along their direction; 0 outside the print. */
  ridges: Float32Array;
  /** 1 where there are ridges to judge. */
  mask: Uint8Array;
  /** Ridge direction as cos 2θ and sin 2θ, times its certainty 0..1. */
  cos2: Float32Array;
  sin2: Float32Array;
  /** Share of the picture that shows ridges. */
  coverage: number;
  /** Mean certainty of the direction where there are ridges. */
  clarity: number;
}

/** Resolution of an image; two numbers where its pixels are not square. */
export type Resolution = number | { x: number; y: number };

/** Deviation of grey under which a place counts as empty. */
const leastContrast = 9;

/**
 * Makes a template of a grey picture with dark ridges.
 *
 * @param dpi taken as the truth: a raw frame with unequal axes that is called 500 dpi only matches its like.
 * @throws RangeError if the pixels do not fit the size, or the size is no picture's.
 */
export function extract(grey: Uint8Array, width: number, height: number, dpi: Resolution = 500): Template {
  const { x: dpiX, y: dpiY } = typeof dpi === 'number' ? { x: dpi, y: dpi } : dpi;
  if (grey.length !== width * height || !(dpiX > 0) || !(dpiY > 0)) throw new RangeError('Not a grey picture.');
  const toWidth = Math.round((width * templateDpi) / dpiX);
  const toHeight = Math.round((height * templateDpi) / dpiY);
  if (Math.min(toWidth, toHeight) < 32 || Math.max(toWidth, toHeight) > 600)
    throw new RangeError('Not a print’s size.');
  const small = resize(grey, width, height, toWidth, toHeight);
  const { wave, contrast } = flatten(small);
  const rough = orient(wave);
  const clean = normalise(smoothAlong(wave, rough));
  const { cos2, sin2 } = orient(clean);
  const mask = printArea(contrast, cos2, sin2);
  let covered = 0;
  let certain = 0;
  const ridges = clean.values;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i]) {
      covered++;
      certain += Math.hypot(cos2[i] as number, sin2[i] as number);
    } else ridges[i] = 0;
  }
  const clarity = covered ? certain / covered : 0;
  return { width: toWidth, height: toHeight, ridges, mask, cos2, sin2, coverage: covered / mask.length, clarity };
}

/** Takes out ground and ink: dark ridges become positive, with deviation 1. */
function flatten(picture: Field): { wave: Field; contrast: Field } {
  const mean = boxMean(picture, 6).values;
  const wave = field(
    picture.width,
    picture.height,
    picture.values.map((value, i) => (mean[i] as number) - value),
  );
  const contrast = deviation(wave);
  return { wave: divide(wave, contrast, leastContrast), contrast };
}

function normalise(wave: Field): Field {
  return divide(wave, deviation(wave), 0.15);
}

function deviation(wave: Field): Field {
  const square = boxMean(
    field(
      wave.width,
      wave.height,
      wave.values.map((value) => value * value),
    ),
    7,
  );
  return field(wave.width, wave.height, square.values.map(Math.sqrt));
}

function divide(wave: Field, by: Field, least: number): Field {
  const values = wave.values.map((value, i) =>
    Math.max(-2, Math.min(2, value / Math.max(least, by.values[i] as number))),
  );
  return field(wave.width, wave.height, values);
}

/** Where contrast and direction speak for ridges, without specks and holes. */
function printArea(contrast: Field, cos2: Float32Array, sin2: Float32Array): Uint8Array {
  const { width, height } = contrast;
  const votes = contrast.values.map((value, i) =>
    value > leastContrast && Math.hypot(cos2[i] as number, sin2[i] as number) > 0.3 ? 1 : 0,
  );
  const smooth = boxMean(field(width, height, votes), 6).values;
  const inner = boxMean(
    field(
      width,
      height,
      smooth.map((value) => (value > 0.6 ? 1 : 0)),
    ),
    2,
  ).values;
  return Uint8Array.from(inner, (value) => (value > 0.95 ? 1 : 0));
}
