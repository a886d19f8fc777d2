import { type Calibrations, calibrationFor, square } from '../imaging/geometry.ts';
import { measure } from '../imaging/measure.ts';
import { encodePng } from '../imaging/png.ts';
import type { ToPicture } from './capture-run.ts';

export interface PictureOptions {
  /** Geometry by reader model, over the built-in ones. */
  calibrations?: Calibrations;
  /** Share of the picture that a finger has to cover. Lower ones are asked for again. */
  minCoverage?: number;
}

/** Frame → square pixels → PNG with pHYs. @throws GeometryError, RangeError for a frame that is not what its reader gives */
export function pictureMaker(options: PictureOptions = {}): ToPicture {
  const { calibrations, minCoverage = 0.05 } = options;
  return (frame, device) => {
    const { image } = square(frame, calibrationFor(device, calibrations));
    const { coverage, contrast, orientation } = measure(image);
    if (coverage < minCoverage) return undefined;
    const quality = { coverage: rounded(coverage), contrast: rounded(contrast), orientation: rounded(orientation) };
    return { png: encodePng(image), quality };
  };
}

/** The figures are advisory: three decimals say all that they know. */
function rounded(share: number): number {
  return Math.round(share * 1_000) / 1_000;
}
