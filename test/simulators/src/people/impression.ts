import type { Fingerprint } from './fingerprint.ts';
import { type GreyImage, sampleGrey } from './grey.ts';
import { smoothNoise, waves } from './noise.ts';
import { type Random, random } from './random.ts';

/** Size of an impression, pixels at 500 dpi. The finger lies around the middle; a reader cuts its window out. */
export const impressionWidth = 400;
export const impressionHeight = 440;

/** How a finger was put on the glass. What is not given is drawn from the seed. */
export interface Press {
  /** Degrees, clockwise. Drawn within ±8. */
  rotation?: number;
  /** Pixels at 500 dpi. Drawn within ±20. */
  shiftX?: number;
  shiftY?: number;
  /** 0 barely touching … 1 pressed hard: contact area and width of the ridges. Drawn around 0.55. */
  pressure?: number;
  /** 0 moist … 1 dry: broken ridges, little contrast. Drawn around 0.3. */
  dryness?: number;
  /** Largest elastic displacement, pixels. Drawn between 1 and 3. */
  stretch?: number;
  /** Size of the finger relative to a thumb or index finger. */
  scale?: number;
}

/**
 * One impression of a finger: the skin turned, moved and stretched, its pores, the soft and ragged border of the
 * contact area, and the sensor's noise, on a light ground. Equal seed and press give equal bytes.
 */
export function impression(finger: Fingerprint, seed: string, press: Press = {}): GreyImage {
  const stream = random(`impression ${seed}`);
  const drawn = draw(stream);
  const skin = fingerToSensor(finger, stream, { ...drawn, ...press });
  return develop(skin, stream, { ...drawn, ...press });
}

function draw(stream: Random): Required<Press> {
  return {
    rotation: clamp(stream.normal() * 4, -8, 8),
    shiftX: clamp(stream.normal() * 9, -20, 20),
    shiftY: clamp(stream.normal() * 9, -20, 20),
    pressure: clamp(0.55 + stream.normal() * 0.12, 0.2, 0.9),
    dryness: clamp(0.3 + stream.normal() * 0.13, 0, 0.75),
    stretch: stream.between(1, 3),
    scale: 1,
  };
}

/** Skin as it lies on the glass: ridge height in [-1, 1] and how firmly each place touches (0 not, 1 fully). */
interface Contact {
  ridges: Float32Array;
  contact: Float32Array;
}

function fingerToSensor(finger: Fingerprint, stream: Random, press: Required<Press>): Contact {
  const width = impressionWidth;
  const height = impressionHeight;
  const { master } = finger;
  const skin = poked(finger, press);
  const bendX = waves(stream, 3, 170, 380);
  const bendY = waves(stream, 3, 170, 380);
  const angle = (press.rotation * Math.PI) / 180;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const centreX = width / 2 + press.shiftX;
  const centreY = height / 2 + press.shiftY;
  const edge = raggedEdge(stream);
  const radiusX = press.scale * (122 + 42 * press.pressure);
  const radiusY = press.scale * (150 + 50 * press.pressure);
  const ridges = new Float32Array(width * height);
  const contact = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = x - centreX;
      const dy = y - centreY;
      // Coordinates on the finger, from the middle of its contact area.
      const u = cos * dx + sin * dy;
      const v = -sin * dx + cos * dy;
      const distance = Math.sqrt((u / radiusX) ** 2 + (v / radiusY) ** 2) + edge(Math.atan2(v, u));
      if (distance > 1.1) continue;
      const at = y * width + x;
      contact[at] = clamp((1.06 - distance) / 0.22, 0, 1);
      const fromX = master.width / 2 + u + press.stretch * bendX(u, v);
      const fromY = master.height / 2 + v + press.stretch * bendY(u, v);
      ridges[at] = 1 - sampleGrey(skin, fromX, fromY, 255) / 127.5;
    }
  }
  return { ridges, contact };
}

/** The master with its pores opened; moist skin closes them. */
function poked(finger: Fingerprint, press: Required<Press>): GreyImage {
  const { master, pores } = finger;
  const pixels = master.pixels.slice();
  const depth = 40 + 110 * (1 - Math.abs(press.dryness - 0.35));
  for (let i = 0; i + 1 < pores.length; i += 2) {
    const px = pores[i] as number;
    const py = pores[i + 1] as number;
    for (let y = Math.floor(py) - 1; y <= py + 2; y++) {
      for (let x = Math.floor(px) - 1; x <= px + 2; x++) {
        const open = depth * Math.exp(-((x - px) ** 2 + (y - py) ** 2) / 1.3);
        const at = y * master.width + x;
        pixels[at] = Math.min(255, (pixels[at] as number) + open);
      }
    }
  }
  return { ...master, pixels };
}

/** Deviation of the contact area's border from the ellipse, by angle. */
function raggedEdge(stream: Random): (angle: number) => number {
  const parts = [2, 3, 5, 8].map((turns) => ({
    turns,
    size: (stream.normal() * 0.035) / Math.sqrt(turns),
    phase: stream.between(0, 2 * Math.PI),
  }));
  return (angle) => {
    let sum = 0;
    for (const { turns, size, phase } of parts) sum += size * Math.sin(turns * angle + phase);
    return sum;
  };
}

/** Turns contact into grey: dark where a ridge touches the glass, with patches, grain and an uneven ground. */
function develop({ ridges, contact }: Contact, stream: Random, press: Required<Press>): GreyImage {
  const width = impressionWidth;
  const height = impressionHeight;
  const patches = smoothNoise(stream, width, height, 46);
  const skin = smoothNoise(stream, width, height, 5);
  const fine = smoothNoise(stream, width, height, 2);
  const light = waves(stream, 2, 500, 900);
  const ground = stream.between(226, 240);
  const ink = stream.between(150, 180) * (1 - 0.3 * press.dryness);
  const pixels = new Uint8Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const touch = contact[at] as number;
      const base = ground + 5 * light(x, y) + 3 * (stream.next() - 0.5) + 3 * (stream.next() - 0.5);
      let dark = 0;
      if (touch > 0) {
        // The height a ridge needs to touch; at the border only the highest do.
        const need =
          0.62 - 1.1 * press.pressure + 0.35 * press.dryness + 1.25 * (1 - touch) ** 2 + 0.22 * (patches[at] as number);
        const rough = (0.16 + 0.75 * press.dryness) * (skin[at] as number) + 0.22 * (fine[at] as number);
        const reach = 3.1 * ((ridges[at] as number) - need + rough);
        dark = ink / (1 + Math.exp(-reach)) + (12 + 20 * press.pressure) * touch;
        dark *= Math.min(1, touch * 2.2) * (1 + 0.1 * (patches[at] as number));
      }
      pixels[at] = clamp(Math.round(base - dark), 0, 255);
    }
  }
  return { width, height, pixels, dpiX: 500, dpiY: 500 };
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
