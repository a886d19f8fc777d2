/** Grey pixels, one byte each, row by row from the top left; 0 is black. The shape that the bridge's drivers deliver too. */
export interface GreyImage {
  width: number;
  height: number;
  pixels: Uint8Array;
  /** Dots per inch along x and y. */
  dpiX: number;
  dpiY: number;
}

/** Value between pixels; outside the image it is `outside`. */
export function sampleGrey(image: GreyImage, x: number, y: number, outside: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const { width, height, pixels } = image;
  if (left < -1 || top < -1 || left >= width || top >= height) return outside;
  const at = (column: number, row: number) =>
    column < 0 || row < 0 || column >= width || row >= height ? outside : (pixels[row * width + column] as number);
  const u = x - left;
  const v = y - top;
  const upper = at(left, top) * (1 - u) + at(left + 1, top) * u;
  const lower = at(left, top + 1) * (1 - u) + at(left + 1, top + 1) * u;
  return upper * (1 - v) + lower * v;
}
