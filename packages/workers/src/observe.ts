import type { TransactionKind } from '@atesto/shared/domain/transaction';
import { queueOf } from '@atesto/shared/queues/jobs';
import type { Log } from '@atesto/shared/telemetry/log';
import type { UpstreamOutcome, WorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import type { WorkObserver } from './work-context.ts';

/** Metrics and one line per transition. */
export function createObserver(metrics: WorkerMetrics, log: Log): WorkObserver {
  return {
    transition(after, event) {
      metrics.transition(event);
      if (after.state === 'concluded') {
        metrics.concluded(after.kind, (after.updatedAt.getTime() - after.acceptedAt.getTime()) / 1000);
      }
      const { id, kind, state, attempt, upstreamStatus, verdict, reason } = after;
      const level = state === 'dead' ? 'error' : state === 'unknown' || state === 'retrying' ? 'warn' : 'info';
      log[level](`transaction-${event}`, { transaction: id, kind, state, attempt, upstreamStatus, verdict, reason });
    },
    async call<T extends { kind: string }>(
      kind: TransactionKind,
      operation: string,
      run: () => Promise<T>,
    ): Promise<T> {
      const began = performance.now();
      let outcome: UpstreamOutcome = 'other';
      try {
        const result = await run();
        outcome = result.kind as UpstreamOutcome;
        return result;
      } finally {
        const seconds = (performance.now() - began) / 1000;
        metrics.upstreamRequest({ upstream: queueOf(kind), operation, outcome, seconds });
      }
    },
    unknownStatus(kind) {
      metrics.unknownWord(queueOf(kind));
    },
  };
}
