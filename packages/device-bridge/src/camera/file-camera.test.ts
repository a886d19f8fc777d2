import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adviseFace, type FaceMeasures } from '@atesto/shared/domain/face-measures';
import { encode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { person } from '../../../../test/simulators/src/people/person.ts';
import { fileCamera } from './file-camera.ts';

const never = new AbortController().signal;
const drawn = person('before the camera').face();
const face = encode({ width: drawn.width, height: drawn.height, data: drawn.pixels, channels: 3, depth: 8 });
/** A JPEG's head: nothing more of it is read. */
const jpeg = Buffer.from('ffd8ffc0001108032002800301220002110103110100', 'hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atesto-camera-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const put = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

describe('the virtual camera', () => {
  it('gives a drawn face with its measures', async () => {
    const picture = await fileCamera(put('face.png', face)).takeFace(never);
    expect(picture).toMatchObject({ type: 'image/png', width: drawn.width, height: drawn.height });
    expect(Buffer.from(picture.bytes).equals(face)).toBe(true);
    // 640 × 800 is less than HD; in all else it is a good picture.
    const advice = { size: 'low', brightness: 'ok', contrast: 'ok', sharpness: 'ok' };
    expect(adviseFace(picture, picture.measures as FaceMeasures)).toEqual(advice);
  });

  it('gives a folder’s pictures in the order of their names, again and again, and nothing else that lies there', async () => {
    put('notes.txt', Buffer.from('no picture'));
    put('b.jpg', jpeg);
    put('a.png', face);
    const camera = fileCamera(folder);
    const types: string[] = [];
    for (let n = 0; n < 3; n++) types.push((await camera.takeFace(never)).type);
    expect(types).toEqual(['image/png', 'image/jpeg', 'image/png']);
  });

  it('does not measure a JPEG', async () => {
    const picture = await fileCamera(put('face.jpg', jpeg)).takeFace(never);
    expect(picture).toEqual({ bytes: jpeg, type: 'image/jpeg', width: 640, height: 800 });
  });

  it.each([
    ['a file that is not there', () => join(folder, 'gone.png'), 'device-lost'],
    ['an empty folder', () => folder, 'device-lost'],
    ['a file that is no picture', () => put('face.png', Buffer.from('no picture')), 'device-fault'],
    ['a file that is too large', () => put('face.png', Buffer.alloc(16 * 1024 * 1024 + 1)), 'device-fault'],
  ])('says what is wrong with %s', async (_what, location, kind) => {
    await expect(fileCamera(location()).takeFace(never)).rejects.toMatchObject({ name: 'CaptureError', kind });
  });

  it('is cancelled', async () => {
    await expect(fileCamera(put('face.png', face)).takeFace(AbortSignal.abort())).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });
});
