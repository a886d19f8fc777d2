import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ColourImage, drawFace } from '@atesto/simulators/people/face';
import { type Browser, chromium } from 'playwright-core';
import { findProgram, installProgram } from './programs.ts';
import { StackError } from './stack-error.ts';
import { encodeY4m } from './y4m.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** A headless browser whose only camera shows a drawn picture. */
export interface Chromium {
  browser: Browser;
  /** Puts another picture before the camera; a page sees it when it next opens the camera. */
  show(picture: ColourImage): Promise<void>;
  /** Can be called twice. */
  close(): Promise<void>;
}

/**
 * Starts the Chromium (or Chrome) of this machine; as root on Debian it is installed where it is missing.
 * @throws StackError `missing` with what to install, `failed` when it does not start
 */
export async function startChromium(): Promise<Chromium> {
  const executablePath = findProgram(NAMES) ?? (await installProgram('chromium', NAMES, (line) => console.error(line)));
  if (executablePath === undefined) {
    throw new StackError('missing', 'No Chromium: install it (Debian: apt-get install -y chromium) or Google Chrome.');
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'atesto-chromium-'));
  const film = path.join(folder, 'camera.y4m');
  const show = async (picture: ColourImage) => {
    // At once: the browser may be about to open it.
    await writeFile(`${film}.new`, encodeY4m(picture));
    await rename(`${film}.new`, film);
  };
  try {
    await show(drawFace('nobody'));
    const browser = await chromium.launch({
      executablePath,
      // Chromium refuses to start as root with its sandbox.
      chromiumSandbox: process.getuid?.() !== 0,
      args: ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`],
    });
    const close = async () => {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    };
    return { browser, show, close };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new StackError('failed', `${executablePath} did not start`, { cause: error });
  }
}
