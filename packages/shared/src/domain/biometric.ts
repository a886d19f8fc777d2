/**
 * Biometric index table of the Griaule family (GBDS Integration manual): 0–9 fingers from left little to right little,
 * 10 face. `fgp` is the ANSI/NIST finger position.
 */
export const fingers = [
  { index: 0, name: 'left-little', fgp: 10 },
  { index: 1, name: 'left-ring', fgp: 9 },
  { index: 2, name: 'left-middle', fgp: 8 },
  { index: 3, name: 'left-index', fgp: 7 },
  { index: 4, name: 'left-thumb', fgp: 6 },
  { index: 5, name: 'right-thumb', fgp: 1 },
  { index: 6, name: 'right-index', fgp: 2 },
  { index: 7, name: 'right-middle', fgp: 3 },
  { index: 8, name: 'right-ring', fgp: 4 },
  { index: 9, name: 'right-little', fgp: 5 },
] as const;

/** Index of the face in the same table. */
export const FACE_INDEX = 10;

export type FingerIndex = (typeof fingers)[number]['index'];
export type FingerName = (typeof fingers)[number]['name'];

/** English name of a finger index, for people. @throws RangeError for anything but 0–9. */
export function fingerName(index: number): FingerName {
  const row = fingers[index];
  if (!row) throw new RangeError(`no finger has index ${index}`);
  return row.name;
}

/** The four fingers that ICP-Brasil collects: index and middle of both hands, in the order an operator asks for them. */
export const DEFAULT_CAPTURE_PLAN: readonly FingerIndex[] = [6, 7, 3, 2];
