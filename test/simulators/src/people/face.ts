import { type Random, random } from './random.ts';

/** RGB, one byte each, row by row: what fast-png takes with `channels: 3`. */
export interface ColourImage {
  width: number;
  height: number;
  pixels: Uint8Array;
}

type Colour = readonly [number, number, number];

const width = 640;
const height = 800;

const skins: readonly Colour[] = [
  [92, 62, 48],
  [134, 92, 66],
  [172, 124, 90],
  [205, 158, 122],
  [226, 184, 152],
  [240, 206, 180],
];
const hairs: readonly Colour[] = [
  [28, 24, 26],
  [58, 40, 30],
  [130, 130, 134],
  [104, 70, 42],
  [150, 116, 72],
];
const irises: readonly Colour[] = [
  [66, 44, 28],
  [96, 78, 44],
  [70, 104, 92],
  [78, 108, 146],
];

/** What makes one cartoon face differ from the next. Lengths in pixels. */
interface Features {
  skin: Colour;
  hair: Colour;
  iris: Colour;
  shirt: Colour;
  faceWidth: number;
  faceHeight: number;
  jaw: number;
  eyeGap: number;
  eyeSize: number;
  browTilt: number;
  browWeight: number;
  noseLength: number;
  noseWidth: number;
  mouthWidth: number;
  smile: number;
  hairHeight: number;
  hairLength: number;
  glasses: boolean;
  beard: boolean;
}

/** A stylised portrait: flat colours, outlines, a plain ground. Nobody's likeness; drawn from a seed by a few curves. */
export function drawFace(seed: string, n = 0): ColourImage {
  const features = drawFeatures(random(`face ${seed}`));
  const moment = random(`face ${seed} moment ${n}`);
  const pose = { x: moment.normal() * 8, y: moment.normal() * 8, light: 1 + moment.normal() * 0.04 };
  const paint = painter(features);
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Middle of the face at the origin, y downwards.
      const [red, green, blue] = paint(x - width / 2 - pose.x, y - 0.45 * height - pose.y);
      const grain = pose.light + (moment.next() - 0.5) * 0.012;
      pixels[at++] = Math.min(255, red * grain);
      pixels[at++] = Math.min(255, green * grain);
      pixels[at++] = Math.min(255, blue * grain);
    }
  }
  return { width, height, pixels };
}

function drawFeatures(stream: Random): Features {
  const pick = <T>(choices: readonly T[]): T => choices[stream.integer(0, choices.length - 1)] as T;
  const skin = pick(skins);
  const fair = skins.indexOf(skin) > 2;
  return {
    skin,
    hair: pick(fair ? hairs : hairs.slice(0, 3)),
    iris: pick(fair ? irises : irises.slice(0, 2)),
    shirt: pick<Colour>([
      [52, 94, 140],
      [150, 62, 70],
      [62, 120, 88],
      [96, 80, 130],
    ]),
    faceWidth: stream.between(138, 172),
    faceHeight: stream.between(190, 226),
    jaw: stream.between(0.1, 0.34),
    eyeGap: stream.between(56, 74),
    eyeSize: stream.between(21, 30),
    browTilt: stream.between(-0.12, 0.22),
    browWeight: stream.between(5, 10),
    noseLength: stream.between(46, 76),
    noseWidth: stream.between(17, 30),
    mouthWidth: stream.between(44, 70),
    smile: stream.between(-6, 20),
    hairHeight: stream.between(62, 110),
    hairLength: pick([-90, -40, 60, 190]),
    glasses: stream.chance(0.3),
    beard: stream.chance(0.25),
  };
}

/** Colour of a point, by asking the parts from front to back. */
function painter(f: Features): (x: number, y: number) => Colour {
  const line = shade(f.skin, 0.45);
  return (x, y) => {
    const side = Math.abs(x);
    const front = face(f, side, y, x, line);
    if (front) return front;
    const ear = Math.hypot((side - f.faceWidth) / 24, (y - 4) / 42);
    if (ear < 1) return ear > 0.88 ? line : shade(f.skin, 0.93);
    if (hairBehind(f, side, y)) return shade(f.hair, 0.82);
    if (side < 74 && y > 100 && y < 300) return shade(f.skin, y < f.faceHeight + 26 ? 0.8 : 0.95);
    if (y > 262 && Math.hypot(side / 300, (y - 480) / 222) < 1)
      return Math.hypot(side / 88, (y - 262) / 44) < 1 ? shade(f.skin, 0.95) : f.shirt;
    return [206 - y * 0.03, 216 - y * 0.03, 224 - y * 0.02];
  };
}

/** Outline distance of the face: 1 on its border, less inside; the jaw narrows the lower half. */
function outline(f: Features, side: number, y: number): number {
  const narrow = y > 0 ? 1 - f.jaw * (y / f.faceHeight) ** 2 : 1;
  return Math.hypot(side / (f.faceWidth * narrow), y / f.faceHeight);
}

function hairBehind(f: Features, side: number, y: number): boolean {
  const reach = y < 0 ? Math.hypot(side / (f.faceWidth + 24), y / (f.faceHeight + 26)) : side / (f.faceWidth + 24);
  return reach < 1 && y < f.hairLength;
}

function face(f: Features, side: number, y: number, x: number, line: Colour): Colour | undefined {
  const inside = outline(f, side, y);
  if (inside > 1) return undefined;
  const fringe = -f.faceHeight + f.hairHeight + 22 * Math.sin(side / 46) + 0.1 * x;
  if (y < fringe) return y > fringe - 4 ? shade(f.hair, 0.7) : f.hair;
  if (inside > 0.975) return line;
  const ex = side - f.eyeGap;
  const ey = y + 22;
  if (f.glasses && Math.abs(Math.hypot(ex / 1.15, ey) - 42) < 3) return [40, 40, 46];
  if (f.glasses && Math.abs(ey) < 3 && side < f.eyeGap - 46) return [40, 40, 46];
  return eye(f, ex, ey, line) ?? middle(f, side, y, line) ?? f.skin;
}

function eye(f: Features, ex: number, ey: number, line: Colour): Colour | undefined {
  const brow = ey + f.eyeSize + 20 + f.browTilt * ex + (ex * ex) / 130;
  if (Math.abs(ex) < f.eyeSize + 14 && Math.abs(brow) < f.browWeight) return f.hair;
  const lid = Math.hypot(ex / (f.eyeSize * 1.35), ey / (f.eyeSize * 0.78));
  if (lid > 1.1) return undefined;
  if (lid > 1) return line;
  const iris = Math.hypot(ex, ey) / (f.eyeSize * 0.62);
  if (Math.hypot(ex + 5, ey + 6) < 4) return [250, 250, 250];
  if (iris < 0.45) return [18, 16, 18];
  if (iris < 1) return f.iris;
  return [246, 244, 240];
}

function middle(f: Features, side: number, y: number, line: Colour): Colour | undefined {
  const tip = 22 + f.noseLength;
  if (Math.abs(Math.hypot(side - f.noseWidth * 0.55, y - tip) - f.noseWidth * 0.5) < 2.6 && y > tip - 4) return line;
  if (y > -8 && y < tip - 8 && Math.abs(side - 5 - (f.noseWidth * 0.4 * (y + 8)) / tip) < 2) return shade(f.skin, 0.84);
  const my = y - (tip + 48) + f.smile * (side / f.mouthWidth) ** 2;
  if (side < f.mouthWidth && Math.abs(my) < 11 * (1 - (side / f.mouthWidth) ** 2) + 1.5) {
    return Math.abs(my) < 2 ? [96, 36, 40] : [Math.min(255, f.skin[0] * 0.62 + 76), f.skin[1] * 0.55, f.skin[2] * 0.6];
  }
  if (f.beard && y > tip + 16 + 26 * (1 - side / f.faceWidth) - side * 0.2) return shade(f.hair, 1.12);
  const cheek = Math.hypot((side - f.eyeGap - 26) / 34, (y - 54) / 24);
  if (cheek < 1) return [f.skin[0] * 0.94 + 15, f.skin[1] * 0.94, f.skin[2] * 0.94];
  return undefined;
}

function shade(colour: Colour, by: number): Colour {
  return [Math.min(255, colour[0] * by), Math.min(255, colour[1] * by), Math.min(255, colour[2] * by)];
}
