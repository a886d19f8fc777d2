import type { Volume } from './history.ts';
import type { Backend, Scene, SceneOptions } from './scene.ts';

/** One fault, brought about at the real house while clients deliver. */
export interface Scenario {
  name: string;
  /** What it shows when it passes; one line for `docs/reliability.md`. */
  proves: string;
  /** Where the queue is: both, unless the fault is one of a backend or the queue has no part in it. */
  backends: readonly Backend[];
  scene?: SceneOptions;
  volume: Volume;
  /** Injects and heals. What only this fault shows is looked at here; the invariants are looked at after it. @throws where it does not hold */
  run(scene: Scene): Promise<void>;
}
export const BOTH = ['postgres', 'redis'] as const;

/** Settings with which a worker that vanished is noticed in seconds rather than minutes. */
export const SHORT_LEASE = {
  SPID_SERVER_SUBMIT_TIMEOUT_MS: '2000',
  IDCLOUD_SUBMIT_TIMEOUT_MS: '2000',
  LEASE_MS: '2500',
};
