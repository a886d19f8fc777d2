import { virtualCpf } from './cpf.ts';
import { type ColourImage, drawFace } from './face.ts';
import { type Fingerprint, fingerprint } from './fingerprint.ts';
import type { GreyImage } from './grey.ts';
import { impression, type Press } from './impression.ts';
import type { FingerIndex } from './pattern.ts';
import { random } from './random.ts';

/** Somebody who does not exist: a seed, a CPF from the artificial range, ten fingers and a drawn face. No name. */
export interface VirtualPerson {
  readonly seed: string;
  /** Eleven digits, valid check digits, `00000…`: see `virtualCpf`. Two seeds may share one; pass `cpf` where that matters. */
  readonly cpf: string;
  /** The finger's skin; generated at the first call. Index as in Griaule's table, 0 left little … 9 right little. */
  finger(index: FingerIndex): Fingerprint;
  /**
   * The `n`-th time this person puts the finger on a reader: 400 × 440 pixels, 500 dpi, ridges dark. Equal `n` gives equal bytes,
   * another `n` another impression of the same finger. `press` overrules single conditions.
   */
  impression(index: FingerIndex, n?: number, press?: Press): GreyImage;
  /** A cartoon portrait, 640 × 800, RGB. Another `n` is the same face in another light, moved a little. */
  face(n?: number): ColourImage;
}

/** Relative size, little finger to thumb. */
const sizes = [0.88, 0.94, 0.98, 0.96, 1.06] as const;

/** The virtual person of a seed. Costs nothing until a finger or a face is asked for. */
export function person(seed: string, options: { cpf?: string } = {}): VirtualPerson {
  const cpf = options.cpf ?? virtualCpf(random(`cpf ${seed}`));
  const finger = (index: FingerIndex) => fingerprint(`${seed} finger ${index}`, { index });
  return {
    seed,
    cpf,
    finger,
    impression: (index, n = 0, press = {}) => {
      const scale = sizes[index < 5 ? index : 9 - index] ?? 1;
      return impression(finger(index), `${seed} ${index} ${n}`, { scale, ...press });
    },
    face: (n = 0) => drawFace(seed, n),
  };
}

/** `count` people with different CPFs, each decided by the seed and their place alone. At most 9999. */
export function people(seed: string, count: number): VirtualPerson[] {
  if (count > 9999) throw new RangeError('The artificial CPF range holds 9999 people.');
  const taken = new Set<string>();
  return Array.from({ length: count }, (_, place) => {
    const stream = random(`cpf ${seed} ${place}`);
    let cpf = virtualCpf(stream);
    while (taken.has(cpf)) cpf = virtualCpf(stream);
    taken.add(cpf);
    return person(`${seed} ${place}`, { cpf });
  });
}
