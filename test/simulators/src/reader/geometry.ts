import { type GreyImage, sampleGrey } from '../people/grey.ts';
import type { Random } from '../people/random.ts';

/** The sensor's matrix. Its pixels are not square: about 541 dpi across, 370 dpi down. */
export const sensorWidth = 384;
export const sensorHeight = 290;

/** The glass as the maker's software delivers it: 357 × 392 pixels at 500 dpi, 18.1 × 19.9 mm. */
export const windowWidth = 357;
export const windowHeight = 392;

const glass = 238;

/**
 * What the sensor's cells hold when `finger` lies on the middle of the glass: light values (255 where a ridge darkens the
 * picture most), in the sensor's own row order. Without a finger it is the empty glass with a little noise.
 */
export function exposeSensor(finger: GreyImage | undefined, upsideDown: boolean, stream: Random): Uint8Array {
  const cells = new Uint8Array(sensorWidth * sensorHeight);
  for (let row = 0; row < sensorHeight; row++) {
    for (let column = 0; column < sensorWidth; column++) {
      const grey = finger ? lookAt(finger, column, row) : glass + 6 * (stream.next() - 0.5);
      const at = row * sensorWidth + column;
      cells[upsideDown ? cells.length - 1 - at : at] = 255 - Math.round(grey);
    }
  }
  return cells;
}

/** What a correct driver makes of the sensor's cells: ridges dark, upright, 384 × 290. */
export function uprightPicture(cells: Uint8Array, upsideDown: boolean): Uint8Array {
  const picture = cells.map((value) => 255 - value);
  return upsideDown ? picture.reverse() : picture;
}

function lookAt(finger: GreyImage, column: number, row: number): number {
  // Cell centres on the window, in pixels at 500 dpi from the window's middle, then in the finger's own pixels.
  const x = (((column + 0.5) * windowWidth) / sensorWidth - windowWidth / 2) * (finger.dpiX / 500);
  const y = (((row + 0.5) * windowHeight) / sensorHeight - windowHeight / 2) * (finger.dpiY / 500);
  return sampleGrey(finger, x + finger.width / 2 - 0.5, y + finger.height / 2 - 0.5, glass);
}
