import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Chromium, startChromium } from '../stack/chromium.ts';
import { skipBecause } from '../stack/skip.ts';
import { StackError } from '../stack/stack-error.ts';

/** A Chromium for the tests of a file, which are skipped with the reason where there is none. Call it before other hooks. */
export function useChromium(): () => Chromium {
  let chromium: Chromium | undefined;
  let missing = '';
  // Installs it on a fresh machine, hence the long time.
  beforeAll(async () => {
    try {
      chromium = await startChromium();
    } catch (error) {
      if (!(error instanceof StackError) || error.kind !== 'missing') throw error;
      missing = error.message;
    }
  }, 240_000);
  afterAll(() => chromium?.close());
  beforeEach((context) => {
    if (!chromium) skipBecause(context, missing);
  });
  return () => chromium as Chromium;
}
