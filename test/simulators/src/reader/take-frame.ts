import type { GreyImage } from '../people/grey.ts';
import type { Random } from '../people/random.ts';
import { exposeSensor } from './geometry.ts';
import type { KeyRing } from './key-ring.ts';
import type { UareuOptions } from './options.ts';
import { buildFrame, type Frame } from './scramble.ts';
import { clearTable, drawTable, looksScrambled } from './tables.ts';

export interface Scene {
  finger: GreyImage | undefined;
  upsideDown: boolean;
  keys: KeyRing;
  stream: Random;
}

/** Exposes the sensor and packs what it sees as the reader's options say. */
export function takeFrame(scene: Scene, options: Pick<UareuOptions, 'scramble' | 'blocks'>): Frame {
  const { finger, upsideDown, keys, stream } = scene;
  const cells = exposeSensor(finger, upsideDown, stream);
  const clear = options.scramble === false && !looksScrambled(cells);
  return buildFrame(cells, {
    blocks: clear ? clearTable : (options.blocks ?? drawTable(stream)),
    keyNumber: stream.integer(0, 250),
    key: (number) => keys.key(number),
    junk: () => stream.integer(0, 255),
  });
}
