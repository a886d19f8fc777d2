import path from 'node:path';
import type { Range } from './bodies.ts';
import { openChild } from './child.ts';
import type { Place } from './servers.ts';
import type { VariantName, VariantSettings } from './variant.ts';

/** What a round took. */
export interface ContenderRound {
  seconds: number;
  /** Processor time of its processes, all threads, user and system, in µs. */
  cpuUs: number;
  /** Median over the bodies, from the moment it is taken up to the moment it is done. */
  msPerBody: number;
}

/** Who takes turns in a program of the bench, as the bench sees it. Only `run` is measured. */
export interface Contender {
  /** Makes everything ready to be sent. */
  prepare(range: Range): Promise<void>;
  /** Resolves after the last is done. */
  run(): Promise<ContenderRound>;
  /** Checks its books and removes what the round left. @throws Error when they do not add up */
  finish(): Promise<void>;
}

/** One that is a process of the bench's own. */
export async function openVariant(
  { dir, processes }: Place,
  name: VariantName,
  settings: VariantSettings,
): Promise<Contender> {
  const child = openChild('client.ts', [name, JSON.stringify(settings)], path.join(dir, `${name}.log`));
  processes.onStop(() => child.stop());
  await child.ask('ready');
  return {
    prepare: (range) => child.ask('prepare', range),
    run: () => child.ask('run'),
    finish: () => child.ask('finish'),
  };
}
