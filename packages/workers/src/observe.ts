import { isOpenWord } from '@atesto/shared/domain/idcloud-decision';
import { isSpidKind } from '@atesto/shared/domain/transaction';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { queueOf } from '@atesto/shared/queues/jobs';
import type { Log } from '@atesto/shared/telemetry/log';
import type { JobOutcome, UpstreamOutcome, WorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import type { SpidServerClient } from '@atesto/shared/upstreams/spid-server';
import type { WorkObserver } from './work-context.ts';

/** Metrics and one line per transition. */
export function createObserver(
  metrics: WorkerMetrics,
  log: Log,
  spid: Pick<SpidServerClient, 'standing'>,
): WorkObserver {
  return {
    transition(after, event) {
      metrics.transition(event);
      if (isUnknownWord(after, spid)) metrics.unknownWord(queueOf(after));
      if (event === 'claimed' && after.attempt === 1) {
        metrics.sent(after.kind, (after.updatedAt.getTime() - after.acceptedAt.getTime()) / 1000);
      }
      if (after.state === 'concluded') {
        metrics.concluded(after.kind, (after.updatedAt.getTime() - after.acceptedAt.getTime()) / 1000);
      }
      const { id, kind, state, attempt, upstreamStatus, verdict, reason } = after;
      const isContingency = verdict === 'contingency';
      if (isContingency) metrics.contingency(queueOf(after));
      const level =
        state === 'dead' || isContingency ? 'error' : state === 'unknown' || state === 'retrying' ? 'warn' : 'info';
      log[level](`transaction-${event}`, { transaction: id, kind, state, attempt, upstreamStatus, verdict, reason });
    },
    async call<T extends { kind: string }>(
      of: { account?: string | undefined },
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
        metrics.upstreamRequest({ upstream: queueOf(of), operation, outcome, seconds });
      }
    },
    circuit: (upstream, state) => log[state === 'open' ? 'warn' : 'info'](`circuit-${state}`, { upstream }),
    polled: (row, outcome) => metrics.polled(queueOf(row), outcome),
    async job(name, run) {
      const began = performance.now();
      let outcome: JobOutcome = 'failed';
      try {
        await run();
        outcome = 'done';
      } finally {
        metrics.job({ job: name, outcome, seconds: (performance.now() - began) / 1000 });
      }
    },
  };
}

/** A word that nobody knows keeps a transaction waiting, and somebody should look at it. */
function isUnknownWord(
  { kind, state, upstreamStatus }: TransactionRow,
  { standing }: Pick<SpidServerClient, 'standing'>,
): boolean {
  if (state !== 'awaiting' || upstreamStatus === undefined) return false;
  if (!isSpidKind(kind)) return !isOpenWord(kind, upstreamStatus);
  const read = standing(kind, upstreamStatus);
  return !read.final && !read.recognised;
}
