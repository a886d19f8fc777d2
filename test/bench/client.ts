/** One variant in a process of its own, so that its processor time is its own. Asked for rounds by `contender.ts`. */
import type { Range } from './bodies.ts';
import { answerParent } from './child.ts';
import type { ContenderRound } from './contender.ts';
import { median } from './numbers.ts';
import type { Variant, VariantName, VariantSettings } from './variant.ts';

// Each process loads only what its variant is made of: what else lay on its heap would be the collector's work.
const variants = {
  bare: async (settings) => (await import('./variant-bare.ts')).openBare(settings),
  bareLookUps: async (settings) => (await import('./variant-bare.ts')).openBareLookUps(settings),
  obvious: async (settings) => (await import('./variant-obvious.ts')).openObvious(settings),
} satisfies Record<VariantName, (settings: VariantSettings) => Promise<Variant>>;

const [name, settings] = process.argv.slice(2) as [VariantName, string];
const variant = await variants[name](JSON.parse(settings));

const run = async (): Promise<ContenderRound> => {
  // The preparation's garbage is not the round's.
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const took = await variant.run();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuUs: user + system, msPerBody: median(took) };
};
answerParent(
  {
    ready: () => true,
    prepare: (range: Range) => variant.prepare(range),
    run,
    finish: () => variant.finish(),
  },
  () => variant.close(),
);
