import { matches } from '../matching/compare.ts';
import { extract } from '../matching/template.ts';
import type { GreyImage } from '../people/grey.ts';
import type { Matcher } from './biometrics.ts';

/** Compares two pictures with the simulators' own matcher. */
export const sameFinger: Matcher = (enrolled, probe) => matches(templateOf(enrolled), templateOf(probe));

function templateOf({ pixels, width, height, dpiX, dpiY }: GreyImage) {
  return extract(pixels, width, height, { x: dpiX, y: dpiY });
}
