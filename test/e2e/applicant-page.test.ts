import { type ColourImage, drawFace } from '@atesto/simulators/people/face';
import { decodeColour, sameFace } from '@atesto/simulators/spid-server/faces';
import { beforeEach, describe, expect, it } from 'vitest';
import { type House, must, openHouse } from '../contract/spid-house.ts';
import { remoteBody } from '../contract/spid-steps.ts';
import { type Applicant, type ApplicantOptions, openApplicant } from '../stack/applicant.ts';
import { useChromium } from './chromium.fixture.ts';

const chromium = useChromium();
let house: House;
let applicants: Applicant[];

beforeEach(async () => {
  applicants = [];
  house = await openHouse({ remoteTtlMs: 60_000 });
  return async () => {
    for (const applicant of applicants) await applicant.close();
    await house.close();
  };
});

/** A new remote verification of bia. */
async function request(): Promise<{ tguid: string; link: string }> {
  const { tguid, dynamicLink } = must(await house.client.call('createRemoteVerify', { body: remoteBody() }));
  return { tguid, link: dynamicLink };
}

async function open(link: string, options?: ApplicantOptions): Promise<Applicant> {
  const applicant = await openApplicant(chromium(), link, options);
  applicants.push(applicant);
  return applicant;
}

const stage = (tguid: string) => house.simulator.state.remote.get(tguid)?.stage;

/** What Chromium says on the console of an answer that is no success. */
const answered = (status: number) =>
  expect.stringContaining(`Failed to load resource: the server responded with a status of ${status}`);

/** The middles of two portraits in one picture. */
function together(left: ColourImage, right: ColourImage): ColourImage {
  const { width, height } = left;
  const pixels = new Uint8Array(left.pixels.length);
  const [half, quarter] = [(width / 2) * 3, (width / 4) * 3];
  for (let row = 0; row < pixels.length; row += width * 3) {
    pixels.set(left.pixels.subarray(row + quarter, row + quarter + half), row);
    pixels.set(right.pixels.subarray(row + quarter, row + quarter + half), row + half);
  }
  return { width, height, pixels };
}

describe('a remote capture in a browser', () => {
  it.each([
    ['the person’s', 'bia', true, 'match', 'SEARCH_MATCH'],
    ['somebody else’s', 'somebody else', true, 'no-match', 'SEARCH_NOT_MATCH'],
    ['the person’s, refused by the AR', 'bia', false, 'failed', 'SEARCH_FAILED'],
  ])('takes a face from the camera to a result: %s', async (_, seed, approval, verdict, upstreamStatus) => {
    const { tguid, link } = await request();
    const applicant = await open(link);
    await applicant.sendFace(seed);
    expect(stage(tguid)).toBe('received');
    const [face] = must(await house.client.remoteBiometrics(tguid)) ?? [];
    const photograph = decodeColour(Buffer.from(face?.content ?? '', 'base64'));
    expect(photograph && sameFace(drawFace(seed), photograph)).toBe(true);
    expect(photograph && sameFace(drawFace('nobody'), photograph)).toBe(false);
    await house.client.call('finishRemoteCapture', { params: { tguid }, body: { approval } });
    const outcome = { verdict, upstreamStatus };
    expect(await house.client.result('spid.verify', tguid)).toEqual({ kind: 'ok', value: { final: true, outcome } });
    expect(applicant.faults).toEqual([]);
  });

  it('works by keyboard alone, and fits a small phone in every view', async () => {
    const { tguid, link } = await request();
    const { page, sees, faults } = await open(link, { viewport: { width: 320, height: 568 } });
    const held = Promise.withResolvers<void>();
    await page.route('**/face', async (route) => {
      await held.promise;
      await route.continue();
    });
    const focused = () => page.evaluate('document.activeElement.textContent');
    for (const [heading, key] of [
      ['Envie uma foto do seu rosto', 'Enter'],
      ['Encaixe o rosto no oval', 'Space'],
      ['A foto ficou boa?', 'Enter'],
    ] as const) {
      await sees(heading);
      expect(await focused()).toBe(heading);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
      await page.keyboard.press('Tab');
      await page.keyboard.press(key);
    }
    await sees('Enviando a foto…');
    expect(await page.getByRole('progressbar', { name: 'Envio da foto' }).isVisible()).toBe(true);
    held.resolve();
    await sees('Recebido');
    expect(await page.getByRole('status').getByRole('heading').count()).toBe(1);
    expect(stage(tguid)).toBe('received');
    expect(faults).toEqual([]);
  });
});

describe('a camera that cannot be had', () => {
  it('was refused: says so, sends nothing, and goes on once it is allowed', async () => {
    const { tguid, link } = await request();
    const { page, context, press, sees, faults } = await open(link, { allowsCamera: false });
    await press('Permitir câmera');
    await sees('A câmera não foi permitida');
    expect(await page.getByRole('alert').textContent()).toContain('permita a câmera e tente de novo');
    expect(stage(tguid)).toBe('awaiting');
    await context.grantPermissions(['camera']);
    await press('Tentar de novo');
    await sees('Encaixe o rosto no oval');
    expect(faults).toEqual([]);
  });

  // One browser has one camera, so the browser's own refusal is put in its place.
  it.each([
    ['NotFoundError', 'Nenhuma câmera encontrada'],
    ['NotReadableError', 'A câmera não respondeu'],
  ])('%s: says what to do', async (name, heading) => {
    const { link } = await request();
    const { page, press, sees, faults } = await open(link);
    await page.evaluate(`navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '${name}') }`);
    await press('Permitir câmera');
    await sees(heading);
    await press('Tentar de novo');
    await sees(heading);
    expect(faults).toEqual([]);
  });
});

describe('a photograph that is not taken', () => {
  it('shows two people: it can be repeated', async () => {
    const { tguid, link } = await request();
    const { press, sees, faults } = await open(link);
    await chromium().show(together(drawFace('bia'), drawFace('ana')));
    await press('Permitir câmera');
    await press('Fotografar');
    await press('Usar esta foto');
    await sees('A foto precisa mostrar um rosto, e só um');
    expect(stage(tguid)).toBe('awaiting');
    await chromium().show(drawFace('bia'));
    await press('Repetir');
    await press('Fotografar');
    await press('Repetir');
    await press('Fotografar');
    await press('Usar esta foto');
    await sees('Recebido');
    expect(stage(tguid)).toBe('received');
    await expect.poll(() => faults).toEqual([answered(422)]);
  });

  it('finds no server: the same one is sent again', async () => {
    const { tguid, link } = await request();
    const { press, sees, faults } = await open(link);
    await press('Permitir câmera');
    await press('Fotografar');
    await house.simulator.pause();
    await press('Usar esta foto');
    await sees('A foto não foi enviada');
    await house.simulator.resume();
    await press('Tentar de novo');
    await sees('Recebido');
    expect(stage(tguid)).toBe('received');
    await expect.poll(() => faults).toEqual([expect.stringContaining('net::ERR_')]);
  });
});

describe('a link', () => {
  it('is used once', async () => {
    const { link } = await request();
    const late = await open(link);
    const early = await open(link);
    await early.sendFace('bia');
    await late.press('Permitir câmera');
    await late.press('Fotografar');
    await late.press('Usar esta foto');
    await late.sees('Este link já foi usado');
    await expect.poll(() => late.faults).toEqual([answered(409)]);
    const again = await open(link);
    await again.sees('Este link já foi usado');
    expect(await again.page.getByRole('button').count()).toBe(0);
    expect(again.faults).toEqual([]);
  });

  it('expires, before and after it was opened', async () => {
    const { tguid, link } = await request();
    const late = await open(link);
    house.clock += 60_000;
    await late.press('Permitir câmera');
    await late.press('Fotografar');
    await late.press('Usar esta foto');
    await late.sees('Este link expirou');
    expect(stage(tguid)).toBe('expired');
    const { sees, faults } = await open(link);
    await sees('Este link expirou');
    await expect.poll(() => faults).toEqual([answered(410)]);
  });

  it('may be unknown', async () => {
    const { sees, faults } = await open(`${house.simulator.url}/applicant/nobody`);
    await sees('Link desconhecido');
    await expect.poll(() => faults).toEqual([answered(404)]);
  });
});
