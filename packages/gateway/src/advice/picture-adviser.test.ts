import { readFile } from 'node:fs/promises';
import type { FaceAdvice } from '@atesto/shared/domain/face-measures';
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js';
import encodeWebp, { init as initWebp } from '@jsquash/webp/encode.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { jpegOf, pngOf } from '../intake/pictures.fixture.ts';
import { createPictureAdviser } from './picture-adviser.ts';

const adviser = createPictureAdviser();
afterAll(() => adviser.close());

/** Stripes of two greys, four pixels wide. */
function stripes(width: number, height: number, dark: number, light: number) {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let at = 0; at < width * height; at++) data.fill((at >> 2) % 2 ? dark : light, at * 4, at * 4 + 3);
  return { data, width, height, colorSpace: 'srgb' } as unknown as Parameters<typeof encodeJpeg>[0];
}
const binary = (file: string) => readFile(new URL(import.meta.resolve(file)));
beforeAll(async () => {
  await initJpeg({ wasmBinary: await binary('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm') });
  await initWebp({ wasmBinary: await binary('@jsquash/webp/codec/enc/webp_enc.wasm') });
});

const jpeg = async (...args: Parameters<typeof stripes>) => Buffer.from(await encodeJpeg(stripes(...args)));
const webp = async (...args: Parameters<typeof stripes>) => Buffer.from(await encodeWebp(stripes(...args)));
const good: FaceAdvice = { size: 'ok', brightness: 'ok', contrast: 'ok', sharpness: 'ok' };

describe('advice', () => {
  it.each<[string, () => Buffer | Promise<Buffer>, FaceAdvice]>([
    ['a good JPEG', () => jpeg(1280, 720, 60, 180), good],
    ['a good WebP', () => webp(1280, 720, 60, 180), good],
    ['a dark JPEG', () => jpeg(1280, 720, 0, 60), { ...good, brightness: 'low' }],
    ['a bright WebP', () => webp(1280, 720, 200, 255), { ...good, brightness: 'high' }],
    ['a small JPEG', () => jpeg(640, 480, 60, 180), { ...good, size: 'low' }],
    ['an even PNG', () => pngOf(720, 1280), { ...good, contrast: 'low', sharpness: 'low' }],
  ])('on %s', async (_what, picture, advice) => expect(await adviser.advise(await picture())).toEqual(advice));

  it.each([
    ['what is no picture', () => Buffer.from('<html>')],
    ['a JPEG without pixels', () => jpegOf(640, 480)],
    ['more pixels than are decoded', () => pngOf(4_000, 3_001, { claim: true })],
    ['a PNG that lies about its pixels', () => pngOf(640, 480, { claim: true })],
  ])('there is none on %s, and the next picture gets one', async (_what, picture) => {
    expect(await adviser.advise(picture())).toBeUndefined();
    expect(await adviser.advise(await jpeg(1280, 720, 60, 180))).toEqual(good);
  });

  it('there is none where too many wait', async () => {
    const picture = pngOf(720, 1280);
    const advice = await Promise.all(Array.from({ length: 12 }, () => adviser.advise(picture)));
    expect(advice.filter((one) => one === undefined)).toHaveLength(3);
  });

  it('there is none on a picture that takes too long, and the next one gets a new thread', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const late = [adviser.advise(pngOf(720, 1280)), adviser.advise(pngOf(720, 1280))];
    vi.advanceTimersByTime(2_000);
    expect(await late[0]).toBeUndefined();
    vi.useRealTimers();
    expect(await late[1]).toMatchObject({ size: 'ok' });
  });

  it('holds nobody who closes', async () => {
    const own = createPictureAdviser();
    const held = own.advise(pngOf(720, 1280));
    await own.close();
    expect(await held).toBeUndefined();
  });
});
