import { decode } from 'fast-png';
import type { ColourImage } from '../people/face.ts';

/** Decides whether two portraits show the same face. */
export type FaceMatcher = (enrolled: ColourImage, probe: ColourImage) => boolean | Promise<boolean>;

/** RGB pixels of a PNG. Undefined when it is broken, has a palette, or is another format: this package has no JPEG decoder. */
export function decodeColour(bytes: Uint8Array): ColourImage | undefined {
  try {
    const { width, height, data, channels, depth, palette } = decode(bytes, { checkCrc: true });
    if (palette || depth < 8) return undefined;
    const shift = depth === 16 ? 8 : 0;
    const pixels = new Uint8Array(width * height * 3);
    for (let at = 0; at < width * height; at++) {
      for (let colour = 0; colour < 3; colour++) {
        pixels[at * 3 + colour] = (data[at * channels + (channels < 3 ? 0 : colour)] ?? 0) >> shift;
      }
    }
    return { width, height, pixels };
  } catch {
    return undefined;
  }
}

interface Eye {
  x: number;
  y: number;
  size: number;
}

/**
 * How many faces a picture shows, counted by their eyes: a pupil is a small dark spot with white to its left and its right, and two of them at
 * one height, as far apart as eyes of their size are, make a face. It is made for the drawn faces of this package and knows no photographs.
 */
export function countFaces(image: ColourImage): number {
  const eyes = findEyes(image).sort((one, other) => one.x - other.x);
  let faces = 0;
  while (eyes.length > 1) {
    const left = eyes.shift() as Eye;
    const at = eyes.findIndex((right) => arePair(left, right));
    if (at < 0) continue;
    eyes.splice(at, 1);
    faces += 1;
  }
  return faces;
}

function arePair(left: Eye, right: Eye): boolean {
  const size = (left.size + right.size) / 2;
  const distance = (right.x - left.x) / size;
  const alike = Math.min(left.size, right.size) / Math.max(left.size, right.size) > 0.6;
  return alike && Math.abs(right.y - left.y) < size && distance > 2.5 && distance < 16;
}

function findEyes(image: ColourImage): Eye[] {
  const { width, height } = image;
  const seen = new Uint8Array(width * height);
  const eyes: Eye[] = [];
  for (let start = 0; start < seen.length; start++) {
    if (seen[start] || luma(image, start) >= DARK) continue;
    const spot = flood(image, start, seen);
    const [w, h] = [spot.right - spot.left + 1, spot.bottom - spot.top + 1];
    const size = Math.max(w, h);
    if (size < 4 || size > width * 0.08 || Math.min(w, h) < size * 0.5) continue;
    const eye = { x: (spot.left + spot.right) / 2, y: (spot.top + spot.bottom) / 2, size };
    // A catchlight may cut a pupil in two.
    if (!isWhiteBeside(image, eye, -1) || !isWhiteBeside(image, eye, 1)) continue;
    const part = eyes.findIndex((other) => Math.hypot(other.x - eye.x, other.y - eye.y) < other.size + size);
    if (part < 0) eyes.push(eye);
    else if ((eyes[part] as Eye).size < size) eyes[part] = eye;
  }
  return eyes;
}

const DARK = 48;
const WHITE = 215;

function luma({ pixels }: ColourImage, at: number): number {
  return 0.299 * (pixels[at * 3] ?? 0) + 0.587 * (pixels[at * 3 + 1] ?? 0) + 0.114 * (pixels[at * 3 + 2] ?? 0);
}

/** The dark spot around a pixel; marks it as seen. */
function flood(image: ColourImage, start: number, seen: Uint8Array) {
  const { width, height } = image;
  const spot = { left: width, right: 0, top: height, bottom: 0 };
  const waiting = [start];
  seen[start] = 1;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const x = at % width;
    const y = (at - x) / width;
    spot.left = Math.min(spot.left, x);
    spot.right = Math.max(spot.right, x);
    spot.top = Math.min(spot.top, y);
    spot.bottom = Math.max(spot.bottom, y);
    const around = [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width];
    for (const next of around) {
      if (next < 0 || next >= seen.length || seen[next] || luma(image, next) >= DARK) continue;
      seen[next] = 1;
      waiting.push(next);
    }
  }
  return spot;
}

/** A bright, colourless pixel of the eye's white between half a pupil and three pupils aside, with darker skin beyond it. */
function isWhiteBeside(image: ColourImage, { x, y, size }: Eye, side: -1 | 1): boolean {
  const row = Math.round(y) * image.width;
  for (let aside = size * 0.6; aside < size * 3.2; aside += 0.5) {
    const column = Math.round(x + side * aside);
    if (column < 0 || column >= image.width) return false;
    const at = row + column;
    const [red = 0, green = 0, blue = 0] = image.pixels.subarray(at * 3, at * 3 + 3);
    if (Math.min(red, green, blue) >= WHITE && Math.max(red, green, blue) - Math.min(red, green, blue) < 24)
      return true;
  }
  return false;
}

const COLUMNS = 64;
const ROWS = 80;
/** Cells that a face may have moved by between two pictures. */
const SHIFT = 3;

/**
 * Whether two drawn portraits are of one person: their pictures, reduced to 64 × 80 cells and evened out in brightness, differ by less than
 * a limit at the best of some shifts. The limit stands between the differences measured over the drawn faces (see the test).
 */
export function sameFace(enrolled: ColourImage, probe: ColourImage): boolean {
  return faceDistance(enrolled, probe) < 6;
}

/** Mean difference of a cell's colours, 0–255, at the best shift. */
export function faceDistance(one: ColourImage, other: ColourImage): number {
  const [a, b] = [cells(one), cells(other)];
  let best = Number.POSITIVE_INFINITY;
  for (let dy = -SHIFT; dy <= SHIFT; dy++) {
    for (let dx = -SHIFT; dx <= SHIFT; dx++) best = Math.min(best, differenceAt(a, b, dx, dy));
  }
  return best;
}

function differenceAt(a: Float64Array, b: Float64Array, dx: number, dy: number): number {
  let sum = 0;
  let count = 0;
  for (let y = SHIFT; y < ROWS - SHIFT; y++) {
    for (let x = SHIFT; x < COLUMNS - SHIFT; x++) {
      const [at, to] = [(y * COLUMNS + x) * 3, ((y + dy) * COLUMNS + x + dx) * 3];
      for (let colour = 0; colour < 3; colour++) sum += Math.abs((a[at + colour] ?? 0) - (b[to + colour] ?? 0));
      count += 3;
    }
  }
  return sum / count;
}

/** Mean colours of a grid, scaled so that the whole picture's mean is 128. */
function cells({ width, height, pixels }: ColourImage): Float64Array {
  const [columns, rows] = [COLUMNS, ROWS];
  const sums = new Float64Array(columns * rows * 3);
  const counts = new Float64Array(columns * rows);
  let whole = 0;
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height) * columns;
    for (let x = 0; x < width; x++) {
      const cell = row + Math.floor((x * columns) / width);
      counts[cell] = (counts[cell] ?? 0) + 1;
      for (let colour = 0; colour < 3; colour++) {
        const value = pixels[(y * width + x) * 3 + colour] ?? 0;
        sums[cell * 3 + colour] = (sums[cell * 3 + colour] ?? 0) + value;
        whole += value;
      }
    }
  }
  const scale = whole === 0 ? 1 : (128 * width * height * 3) / whole;
  return sums.map((sum, at) => (sum / Math.max(1, counts[Math.floor(at / 3)] ?? 1)) * scale);
}
