import type { Scenario } from './scenario.ts';
import { alertScenarios } from './scenarios/alerts.ts';
import { batchScenarios } from './scenarios/batch.ts';
import { clockScenarios } from './scenarios/clock.ts';
import { erasureScenarios } from './scenarios/erasure.ts';
import { gatewayScenarios } from './scenarios/gateway.ts';
import { idcloudScenarios } from './scenarios/idcloud.ts';
import { platformScenarios } from './scenarios/platform.ts';
import { poisonScenarios } from './scenarios/poison.ts';
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
  ...poisonScenarios,
  ...batchScenarios,
  ...idcloudScenarios,
  ...clockScenarios,
  ...alertScenarios,
];
