import type { Scenario } from './scenario.ts';
import { erasureScenarios } from './scenarios/erasure.ts';
import { gatewayScenarios } from './scenarios/gateway.ts';
import { platformScenarios } from './scenarios/platform.ts';
import { queueScenarios } from './scenarios/queue.ts';
import { scaleScenarios } from './scenarios/scale.ts';
import { storageScenarios } from './scenarios/storage.ts';
import { workerScenarios } from './scenarios/workers.ts';

/** Everything that `npm run faults` runs, in this order. */
export const scenarios: readonly Scenario[] = [
  ...gatewayScenarios,
  ...workerScenarios,
  ...platformScenarios,
  ...queueScenarios,
  ...storageScenarios,
  ...erasureScenarios,
  ...scaleScenarios,
];
