import { randomUUID } from 'node:crypto';
import type { FaceFailure } from '@atesto/shared/contracts/bridge-link';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CaptureError } from '../drivers/driver.ts';
import type { GatewayResult } from '../link/gateway-client.ts';
import type { Camera, FacePicture } from './camera.ts';
import { FaceCapture, type FaceCaptureOptions } from './face-capture.ts';

const measures = { brightness: 0.5, contrast: 0.4, sharpness: 0.1 };
const picture: FacePicture = { bytes: Buffer.from('a face'), type: 'image/png', width: 640, height: 800, measures };
const stored = { kind: 'ok', value: { id: randomUUID(), sha256: '', bytes: 6, width: 640, height: 800 } } as const;

const putCapture = vi.fn<FaceCaptureOptions['gateway']['putCapture']>();
const onOutcome = vi.fn();
let open: FaceCapture[] = [];
beforeEach(() => {
  putCapture.mockReset().mockResolvedValue(stored);
  onOutcome.mockReset();
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
});

const cameraThat = (takeFace: Camera['takeFace']): Camera => ({ name: 'Test camera', takeFace });
const untilTold = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(new CaptureError('cancelled', 'told to stop'))),
  );
const never = new AbortController().signal;

function capture(camera: Camera | undefined, options: Partial<FaceCaptureOptions> = {}): FaceCapture {
  const gateway = { putCapture };
  const made = new FaceCapture({ camera, gateway, readerInUse: () => false, timeoutMs: 5_000, onOutcome, ...options });
  open.push(made);
  return made;
}

describe('a face', () => {
  it('is uploaded under the id that was asked for, with what was measured of it', async () => {
    const id = randomUUID();
    const answer = await capture(cameraThat(async () => picture)).take(id, never);
    const device = { model: 'Test camera' };
    expect(answer).toEqual({ outcome: 'taken', device, measures });
    expect(putCapture).toHaveBeenCalledExactlyOnceWith(id, picture.bytes, 'image/png');
    expect(onOutcome).toHaveBeenCalledExactlyOnceWith('taken');
  });

  const throws = (error: Error) => cameraThat(() => Promise.reject(error));
  const rows: [why: FaceFailure, camera: Camera | undefined, options?: Partial<FaceCaptureOptions>][] = [
    ['no-camera', undefined],
    ['busy', cameraThat(async () => picture), { readerInUse: () => true }],
    ['device-lost', throws(new CaptureError('device-lost', 'unplugged'))],
    ['device-fault', throws(new CaptureError('device-fault', 'garbled'))],
    ['device-fault', throws(new Error('a bug of the driver'))],
    ['timeout', cameraThat(untilTold), { timeoutMs: 10 }],
    ['timeout', cameraThat(() => new Promise(() => undefined)), { timeoutMs: 10 }],
  ];
  it.each(rows)('fails as %s', async (why, camera, options) => {
    const face = capture(camera, options);
    expect(await face.take(randomUUID(), never)).toEqual({ outcome: 'failed', why });
    expect(putCapture).not.toHaveBeenCalled();
    expect(onOutcome).toHaveBeenCalledExactlyOnceWith(why);
    expect(face.obstacle()).toBeUndefined();
  });

  const notStored: GatewayResult<never>[] = [
    { kind: 'unavailable', reason: 'connect' },
    { kind: 'refused', status: 413, type: 'body-too-large' },
  ];
  it.each(notStored)('fails where the gateway does not take it: $kind', async (result) => {
    putCapture.mockResolvedValue(result);
    const answer = await capture(cameraThat(async () => picture)).take(randomUUID(), never);
    expect(answer).toEqual({ outcome: 'failed', why: 'not-uploaded' });
  });

  it('is taken one at a time, and the readers are told why they have to wait', async () => {
    const held = Promise.withResolvers<FacePicture>();
    const face = capture(cameraThat(() => held.promise));
    const first = face.take(randomUUID(), never);
    expect(face.obstacle()).toMatch(/camera/);
    expect(await face.take(randomUUID(), never)).toEqual({ outcome: 'failed', why: 'busy' });
    held.resolve(picture);
    expect(await first).toMatchObject({ outcome: 'taken' });
    expect(face.obstacle()).toBeUndefined();
    expect(await face.take(randomUUID(), never)).toMatchObject({ outcome: 'taken' });
  });

  it.each([
    ['one that listens', untilTold],
    ['one that hangs', () => new Promise<never>(() => undefined)],
  ])('is cancelled, and ended by a stop, at a camera like %s', async (_what, takeFace) => {
    const cancelled = new AbortController();
    const face = capture(cameraThat(takeFace));
    const first = face.take(randomUUID(), cancelled.signal);
    cancelled.abort();
    expect(await first).toEqual({ outcome: 'failed', why: 'cancelled' });
    const second = face.take(randomUUID(), never);
    await face.close();
    expect(await second).toEqual({ outcome: 'failed', why: 'cancelled' });
    expect(putCapture).not.toHaveBeenCalled();
  });
});
