import { STORAGE_SECONDS } from './buckets.ts';
import type { Metrics } from './metrics.ts';

const operations = ['put', 'open', 'destroy'] as const;
const outcomes = ['ok', 'unknown-key', 'tampered', 'missing', 'exists', 'storage', 'source', 'other'] as const;

/** For `createVault({ observe })`. */
export function createVaultObserver(
  metrics: Metrics,
): (operation: (typeof operations)[number], outcome: string, seconds: number) => void {
  const done = metrics.counter({
    name: 'vault_operations_total',
    help: 'Operations of the vault by outcome; `tampered` is never normal.',
    labels: { operation: operations, outcome: outcomes },
  });
  const seconds = metrics.histogram({
    name: 'vault_operation_duration_seconds',
    help: 'Time that the vault took, fsync included; `open` is until the stream begins.',
    labels: { operation: operations },
    buckets: STORAGE_SECONDS,
  });
  return (operation, outcome, took) => {
    done.add({ operation, outcome: outcome as (typeof outcomes)[number] });
    seconds.observe({ operation }, took);
  };
}
