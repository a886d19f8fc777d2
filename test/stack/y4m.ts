import type { ColourImage } from '@atesto/simulators/people/face';

/** A film of one frame, YUV 4:2:0 (BT.601, 16–235), as Chromium's fake camera plays it over and over. Width and height have to be even. */
export function encodeY4m({ width, height, pixels }: ColourImage): Buffer {
  const luma = Buffer.alloc(width * height);
  const blueness = Buffer.alloc(luma.length / 4);
  const redness = Buffer.alloc(luma.length / 4);
  for (let at = 0; at < luma.length; at++) {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(at * 3, at * 3 + 3);
    luma[at] = Math.round(16 + 0.257 * red + 0.504 * green + 0.098 * blue);
  }
  for (let y = 0, at = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2, at++) {
      const corner = (y * width + x) * 3;
      const mean = (colour: 0 | 1 | 2) => {
        const square = [0, 3, width * 3, width * 3 + 3].map((step) => pixels[corner + step + colour] ?? 0);
        return square.reduce((sum, one) => sum + one) / 4;
      };
      const [red, green, blue] = [mean(0), mean(1), mean(2)];
      blueness[at] = Math.round(128 - 0.148 * red - 0.291 * green + 0.439 * blue);
      redness[at] = Math.round(128 + 0.439 * red - 0.368 * green - 0.071 * blue);
    }
  }
  const head = `YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\nFRAME\n`;
  return Buffer.concat([Buffer.from(head), luma, blueness, redness]);
}
