import type { Random } from './random.ts';

/** The five classes of Henry's system that the generator draws. A left loop opens to the left of the picture. */
export type Pattern = 'arch' | 'tented-arch' | 'left-loop' | 'right-loop' | 'whorl';

/** Griaule's finger index: 0 left little, 1 ring, 2 middle, 3 index, 4 left thumb, 5 right thumb, 6 index … 9 right little. */
export type FingerIndex = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

export const fingerIndexes: readonly FingerIndex[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/**
 * Share of arch, tented arch, ulnar loop, radial loop and whorl, from thumb to little finger. Rounded from the figures
 * that textbooks of dermatoglyphics give (loops 65 %, whorls 30 %, arches 5 % over all fingers; radial loops on the
 * index, whorls on thumb and ring finger, ulnar loops on the little finger).
 */
const shares: readonly (readonly number[])[] = [
  [3, 1, 52, 1, 43],
  [7, 6, 36, 19, 32],
  [6, 3, 70, 2, 19],
  [2, 1, 55, 1, 41],
  [1, 1, 85, 1, 12],
];

/** Draws a finger's class with the proportions of its place on the hand. */
export function drawPattern(stream: Random, index: FingerIndex): Pattern {
  const left = index < 5;
  const fromThumb = left ? 4 - index : index - 5;
  // An ulnar loop opens towards the little finger: to the left on the left hand's print, to the right on the right's.
  const ulnar: Pattern = left ? 'left-loop' : 'right-loop';
  const radial: Pattern = left ? 'right-loop' : 'left-loop';
  const kinds: readonly Pattern[] = ['arch', 'tented-arch', ulnar, radial, 'whorl'];
  return kinds[stream.weighted(shares[fromThumb] ?? [])] as Pattern;
}
