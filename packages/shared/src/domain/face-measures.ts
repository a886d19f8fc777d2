/** Advisory figures of a picture of a face, each from 0 to 1. Ours and simple: no quality score of any standard. */
export interface FaceMeasures {
  /** Mean of the luminance: 0 is black. */
  brightness: number;
  /** Standard deviation of the luminance: 1 is half black, half white. */
  contrast: number;
  /** Standard deviation of the Laplacian: how much neighbouring pixels differ from their surroundings. */
  sharpness: number;
}

/** Decoded pixels, row by row, 8 bits a channel: grey, grey and alpha, RGB, or RGBA. Alpha is not looked at. */
export interface Pixels {
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
  data: Uint8Array;
}

/**
 * Looks at the middle half of width and height, where the face has to be; the ground around it says nothing about the face.
 * @throws RangeError if the pixels do not fill the picture
 */
export function measureFace(picture: Pixels): FaceMeasures {
  const { width, height, channels, data } = picture;
  if (!(width > 0 && height > 0) || data.length !== width * height * channels)
    throw new RangeError('pixels do not fill width x height');
  const { columns, rows, grey } = middle(picture);
  let sum = 0;
  let squares = 0;
  for (const value of grey) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / grey.length;
  return {
    brightness: mean / 255,
    contrast: Math.min(1, deviation(squares / grey.length, mean) / 127.5),
    sharpness: Math.min(1, laplacian(grey, columns, rows) / 255),
  };
}

/** Luminance (ITU-R BT.601) of the middle half. */
function middle({ width, height, channels, data }: Pixels): { columns: number; rows: number; grey: Float32Array } {
  const left = Math.floor(width / 4);
  const top = Math.floor(height / 4);
  const columns = Math.max(1, Math.floor(width / 2));
  const rows = Math.max(1, Math.floor(height / 2));
  const grey = new Float32Array(columns * rows);
  for (let y = 0, to = 0; y < rows; y++) {
    let at = ((top + y) * width + left) * channels;
    for (let x = 0; x < columns; x++, at += channels, to++) {
      const first = data[at] as number;
      grey[to] =
        channels < 3 ? first : 0.299 * first + 0.587 * (data[at + 1] as number) + 0.114 * (data[at + 2] as number);
    }
  }
  return { columns, rows, grey };
}

function laplacian(grey: Float32Array, columns: number, rows: number): number {
  let sum = 0;
  let squares = 0;
  let count = 0;
  const at = (place: number) => grey[place] as number;
  for (let y = 1; y < rows - 1; y++) {
    for (let x = 1; x < columns - 1; x++) {
      const place = y * columns + x;
      const value = 4 * at(place) - at(place - 1) - at(place + 1) - at(place - columns) - at(place + columns);
      sum += value;
      squares += value * value;
      count += 1;
    }
  }
  return count === 0 ? 0 : deviation(squares / count, sum / count);
}

const deviation = (meanOfSquares: number, mean: number) => Math.sqrt(Math.max(0, meanOfSquares - mean * mean));

/** What to tell the person who is captured, in words of a closed set. */
export interface FaceAdvice {
  size: 'ok' | 'low';
  brightness: 'ok' | 'low' | 'high';
  contrast: 'ok' | 'low';
  sharpness: 'ok' | 'low';
}

/** HD, which IDCloud recommends as the least; 640 × 480 is its limit. */
const GOOD_SIDES = { long: 1280, short: 720 };
/** Chosen by eye on drawn faces and on the usual figures for a blurred picture; nobody has calibrated them on a camera. */
const BRIGHTNESS = { low: 0.25, high: 0.85 };
const CONTRAST_LOW = 0.1;
const SHARPNESS_LOW = 0.03;

/** Advice on a picture, never a reason to refuse one. */
export function adviseFace(sides: { width: number; height: number }, measures: FaceMeasures): FaceAdvice {
  const { brightness, contrast, sharpness } = measures;
  const long = Math.max(sides.width, sides.height);
  const short = Math.min(sides.width, sides.height);
  return {
    size: long >= GOOD_SIDES.long && short >= GOOD_SIDES.short ? 'ok' : 'low',
    brightness: brightness < BRIGHTNESS.low ? 'low' : brightness > BRIGHTNESS.high ? 'high' : 'ok',
    contrast: contrast < CONTRAST_LOW ? 'low' : 'ok',
    sharpness: sharpness < SHARPNESS_LOW ? 'low' : 'ok',
  };
}
