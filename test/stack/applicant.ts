import { drawFace } from '@atesto/simulators/people/face';
import type { BrowserContext, Page } from 'playwright-core';
import type { Chromium } from './chromium.ts';

/** Somebody who was sent a link of a remote capture and opens it in a browser. */
export interface Applicant {
  page: Page;
  context: BrowserContext;
  /** What a page should not do: errors and warnings on the console (refusals by the page's policy are among them), requests to another origin. */
  faults: string[];
  /** Presses the button of this name as soon as it can be pressed. */
  press(button: string): Promise<void>;
  /** Waits until the page shows this heading. */
  sees(heading: string): Promise<void>;
  /** Allows the camera, photographs a drawn face and sends it. Returns when the page says that it was received. */
  sendFace(seed: string): Promise<void>;
  close(): Promise<void>;
}

export interface ApplicantOptions {
  /** False refuses the camera. */
  allowsCamera?: boolean;
  /** Width and height of the window; a phone's unless given. */
  viewport?: { width: number; height: number };
}

/** Opens a link. Each applicant has a browser profile of their own. */
export async function openApplicant(
  { browser, show }: Chromium,
  link: string,
  { allowsCamera = true, viewport = { width: 360, height: 740 } }: ApplicantOptions = {},
): Promise<Applicant> {
  const context = await browser.newContext({ viewport, permissions: allowsCamera ? ['camera'] : [] });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:' && origin !== new URL(link).origin) faults.push(`a request to ${origin}`);
  });
  await page.goto(link);
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const sees = (name: string) => page.getByRole('heading', { name, exact: true }).waitFor();
  return {
    page,
    context,
    faults,
    press,
    sees,
    async sendFace(seed) {
      await show(drawFace(seed, 1));
      await press('Permitir câmera');
      await press('Fotografar');
      await press('Usar esta foto');
      await sees('Recebido');
    },
    close: () => context.close(),
  };
}
