import { waves } from './noise.ts';
import type { Pattern } from './pattern.ts';
import type { Random } from './random.ts';

/** A singular point, in pixels from the middle of the pattern, y upwards. */
interface Point {
  x: number;
  y: number;
}

/** Direction of the ridges at a point, radians modulo π, measured from +x towards +y, y downwards as in an image. */
export type OrientationField = (x: number, y: number) => number;

/**
 * Ridge directions of a finger: the zero-pole model of Sherlock and Monro (each core turns the field by half a turn,
 * each delta takes half a turn back), with Vizcaya and Gerhardt's idea of bending the angle around each singular
 * point, an arching towards the finger's tip and slow waves, so that two fingers of one class are never alike.
 *
 * @param centreX,centreY where the pattern's middle lies in the image, pixels at 500 dpi.
 */
export function orientationField(stream: Random, pattern: Pattern, centreX: number, centreY: number): OrientationField {
  const slow = waves(stream, 4, 190, 420);
  const sway = stream.between(0.12, 0.3);
  const tilt = stream.normal() * 0.06;
  const arching = stream.between(0.35, 0.6);
  const base = pattern === 'arch' ? archField(stream) : zeroPoleField(stream, pattern);
  return (px, py) => {
    const x = px - centreX;
    const y = centreY - py;
    // Towards the tip the ridges run around it, also where no core is near.
    const above = 1 / (1 + Math.exp(-(y + 30) / 55));
    const round = pattern === 'arch' ? 0 : -arching * Math.tanh(x / 120) * (0.25 + 0.75 * above);
    return -(base(x, y) + round + tilt + sway * slow(x, y));
  };
}

function archField(stream: Random): (x: number, y: number) => number {
  const height = stream.between(0.85, 1.25);
  const peak = stream.between(-15, 15);
  const width = stream.between(210, 270);
  const low = stream.between(-150, -115);
  return (x, y) => {
    const rise = height * smoothStep(low, low + 170, y) * (1 - 0.45 * smoothStep(60, 220, y));
    return -Math.atan(rise * Math.sin((Math.PI * Math.max(-1, Math.min(1, (x - peak) / width))) / 1));
  };
}

function zeroPoleField(stream: Random, pattern: Exclude<Pattern, 'arch'>): (x: number, y: number) => number {
  const { cores, deltas } = singularPoints(stream, pattern);
  const terms = [
    ...cores.map((point) => ({ point, sign: 1, bend: bend(stream, 0.16) })),
    ...deltas.map((point) => ({ point, sign: -1, bend: bend(stream, 0.12) })),
  ];
  return (x, y) => {
    let sum = 0;
    for (const { point, sign, bend } of terms) sum += sign * bend(Math.atan2(y - point.y, x - point.x));
    return sum / 2;
  };
}

/** An angle's smooth correction: keeps a full turn a full turn, hence the kind of the singular point. */
function bend(stream: Random, size: number): (angle: number) => number {
  const first = stream.normal() * size;
  const second = stream.normal() * size * 0.6;
  const phase1 = stream.between(0, 2 * Math.PI);
  const phase2 = stream.between(0, 2 * Math.PI);
  return (angle) => angle + first * Math.sin(angle + phase1) + second * Math.sin(2 * angle + phase2);
}

function singularPoints(stream: Random, pattern: Exclude<Pattern, 'arch'>): { cores: Point[]; deltas: Point[] } {
  const core = { x: stream.normal() * 10, y: stream.normal() * 12 };
  switch (pattern) {
    case 'tented-arch':
      return {
        cores: [{ x: core.x, y: core.y }],
        deltas: [{ x: core.x + stream.normal() * 5, y: core.y - stream.between(60, 115) }],
      };
    case 'left-loop':
    case 'right-loop': {
      const side = pattern === 'left-loop' ? 1 : -1;
      const delta = { x: core.x + side * stream.between(70, 125), y: core.y - stream.between(75, 140) };
      return { cores: [core], deltas: [delta] };
    }
    case 'whorl': {
      const gap = stream.between(14, 62);
      const lean = stream.normal() * 0.45;
      const half = { x: (Math.sin(lean) * gap) / 2, y: (Math.cos(lean) * gap) / 2 };
      return {
        cores: [
          { x: core.x + half.x, y: core.y + half.y },
          { x: core.x - half.x, y: core.y - half.y },
        ],
        deltas: [
          { x: core.x - stream.between(85, 145), y: core.y - stream.between(85, 145) },
          { x: core.x + stream.between(85, 145), y: core.y - stream.between(85, 145) },
        ],
      };
    }
  }
}

function smoothStep(low: number, high: number, value: number): number {
  const t = Math.max(0, Math.min(1, (value - low) / (high - low)));
  return t * t * (3 - 2 * t);
}
