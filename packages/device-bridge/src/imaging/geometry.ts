/**
 * From a reader's raw frame to square pixels at a known resolution, as matchers expect them. A step of its own, so that the
 * decoded frame can be compared with a recording, and so that a station can say what was done to the image.
 */

import type { GreyImage } from '../drivers/driver.ts';
import { resample } from './resample.ts';

/** How the frames of one model become square. `none` passes them on as the driver reported them. */
export type Calibration =
  | { kind: 'none' }
  | {
      kind: 'resample';
      from: { width: number; height: number };
      to: { width: number; height: number };
      /** Of the result, the same along both axes. */
      dpi: number;
    };

/** Calibrations by `vid:pid` in four hex digits each, as settings give them. */
export type Calibrations = Readonly<Record<string, Calibration>>;

export interface SquaredImage {
  image: GreyImage;
  /** Recorded with the capture: the pixels are not the sensor's own. */
  resampled: boolean;
}

/** The frame is not what its calibration is for. */
export class GeometryError extends Error {
  override readonly name = 'GeometryError';
}

/**
 * The maker's software for the U.are.U 4000 family delivers 357 x 392 pixels at 500 dpi for the sensor's 384 x 290: about 538 dpi
 * across and 370 dpi down. Derived from those sizes, not measured with a ruler target.
 */
export const URU4000_CALIBRATION: Calibration = {
  kind: 'resample',
  from: { width: 384, height: 290 },
  to: { width: 357, height: 392 },
  dpi: 500,
};

const DEFAULTS: Calibrations = {
  '05ba:0007': URU4000_CALIBRATION,
  '05ba:0008': URU4000_CALIBRATION,
  '05ba:000a': URU4000_CALIBRATION,
  '045e:00bb': URU4000_CALIBRATION,
  '045e:00bc': URU4000_CALIBRATION,
  '045e:00bd': URU4000_CALIBRATION,
  '045e:00ca': URU4000_CALIBRATION,
};

/** The calibration of a model: from the settings, else the built-in one, else `none`. */
export function calibrationFor(
  device: { vendorId: number; productId: number },
  settings: Calibrations = {},
): Calibration {
  const key = [device.vendorId, device.productId].map((id) => id.toString(16).padStart(4, '0')).join(':');
  return settings[key] ?? DEFAULTS[key] ?? { kind: 'none' };
}

/** @throws GeometryError if the frame's size is not the calibrated one */
export function square(image: GreyImage, calibration: Calibration): SquaredImage {
  if (calibration.kind === 'none') return { image, resampled: false };
  const { from, to, dpi } = calibration;
  if (image.width !== from.width || image.height !== from.height)
    throw new GeometryError(`calibrated for ${from.width}x${from.height}, the frame is ${image.width}x${image.height}`);
  const pixels = resample(image, to.width, to.height);
  return { image: { width: to.width, height: to.height, pixels, dpiX: dpi, dpiY: dpi }, resampled: true };
}
