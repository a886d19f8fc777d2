import { randomUUID } from 'node:crypto';
import type { LinkMessage } from '@atesto/shared/contracts/bridge-link';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodePng } from '../imaging/png.ts';
import { PERSON, Station } from '../station.fixture.ts';
import type { FacePicture } from './camera.ts';

const [width, height] = [640, 480];
const bytes = encodePng({ width, height, pixels: new Uint8Array(width * height), dpiX: 72, dpiY: 72 });
const picture: FacePicture = { bytes, type: 'image/png', width, height };

let station: Station;
let shutter: () => Promise<FacePicture>;
beforeEach(async () => {
  station = new Station();
  shutter = async () => picture;
  station.camera = { name: 'Test camera', takeFace: () => shutter() };
  await station.start();
  await vi.waitFor(() => expect(station.gateway.links).not.toEqual([]));
});
afterEach(() => station.close());

/** Asks for a face as the gateway does. */
function ask(): { capture: string; answer: Promise<Extract<LinkMessage, { type: 'face' }>['answer']> } {
  const [id, capture] = [randomUUID(), randomUUID()];
  station.gateway.links.at(-1)?.send(JSON.stringify({ type: 'capture-face', id, capture }));
  const answer = vi.waitFor(
    () => {
      const found = station.gateway.linkMessages.find((message) => message.type === 'face' && message.id === id);
      if (found?.type !== 'face') throw new Error('no answer yet');
      return found.answer;
    },
    { timeout: 4_000, interval: 5 },
  );
  return { capture, answer };
}

describe('a station with a camera', () => {
  it('uploads the face with its own key; nobody has to be logged in', async () => {
    const { capture, answer } = ask();
    expect(await answer).toEqual({ outcome: 'taken', device: { model: 'Test camera' } });
    expect(station.gateway.captures.get(capture)?.equals(bytes)).toBe(true);
  });

  it('takes no face while a reader is at work', async () => {
    await station.login();
    station.readers.manner = 'wait';
    expect(await station.call('enroll', { cpf: PERSON })).toEqual({ status: 'CLIENT_CAPTURING' });
    expect(await ask().answer).toEqual({ outcome: 'failed', why: 'busy' });
    expect(await station.call('captureCancel')).toEqual({ status: 'OK' });
    await vi.waitFor(async () => expect(await ask().answer).toMatchObject({ outcome: 'taken' }));
  });

  it('begins at no reader while a face is taken', async () => {
    await station.login();
    const held = Promise.withResolvers<FacePicture>();
    const begun = vi.fn();
    shutter = () => {
      begun();
      return held.promise;
    };
    const { answer } = ask();
    await vi.waitFor(() => expect(begun).toHaveBeenCalled());
    const busy = { status: 'ERROR', message: 'the camera takes a face: wait until it is done' };
    for (const call of ['enroll', 'verify'] as const) expect(await station.call(call, { cpf: PERSON })).toEqual(busy);
    expect(await station.call('operatorCapture')).toEqual(busy);
    held.resolve(picture);
    expect(await answer).toMatchObject({ outcome: 'taken' });
    await station.capture('enroll');
  });
});
