import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createAccountHealth } from '@atesto/shared/ledger/account-health';
import type { WorkConsumer } from '@atesto/shared/queues/consume';
import type { QueueName, TransactionJob } from '@atesto/shared/queues/jobs';
import { queueOf } from '@atesto/shared/queues/jobs';
import { startRounds } from '../sweep/rounds.ts';
import type { WorkContext, WorkObserver } from '../work-context.ts';
import type { UpstreamHealth } from './upstream-health.ts';
import { createUpstreamHealth } from './upstream-health.ts';

/** How often it is looked what the other processes found out about the upstreams, in milliseconds. */
const LOOK_MS = 1_000;

/** How an upstream stands, as this process sees it. */
export type UpstreamStanding = Pick<UpstreamHealth, 'state' | 'limit'> & { upstream: QueueName };

/** The health of all upstreams that this process works for. */
export interface WatchedUpstreams {
  /** Learns from each call, and passes it on to the observer that there was. */
  call: WorkObserver['call'];
  /** Works where the upstream bears one more job; puts the transaction off where it does not, unchanged. */
  gate(queue: QueueName, job: TransactionJob, work: () => Promise<void>): Promise<void>;
  /** Has the consumer of this queue take as many jobs as its upstream bears. */
  steer(queue: QueueName, consumer: Pick<WorkConsumer, 'adapt'>): void;
  standing(): UpstreamStanding[];
  close(): Promise<void>;
}

export function watchUpstreams(
  { db, observe, postpone, random }: Pick<WorkContext, 'db' | 'observe' | 'postpone' | 'random'>,
  { queues, concurrency, onError }: { queues: QueueName[]; concurrency: number; onError: (error: unknown) => void },
): WatchedUpstreams {
  const store = createAccountHealth(db, randomUUID(), queues);
  const consumers = new Map<QueueName, Pick<WorkConsumer, 'adapt'>>();
  const clock = { now: () => performance.now(), wait: (ms: number) => delay(ms) };
  const healths = new Map(
    queues.map((upstream) => [
      upstream,
      createUpstreamHealth({
        upstream,
        store,
        most: concurrency,
        adapt: (jobs) => consumers.get(upstream)?.adapt(jobs),
        onChange: (state) => observe.circuit(upstream, state),
        onError,
        random,
        clock,
      }),
    ]),
  );
  const looks = startRounds(
    LOOK_MS,
    async () => {
      const askedAt = clock.now();
      const circuits = await store.look();
      for (const [upstream, health] of healths) health.see(circuits.get(upstream) ?? { state: 'closed' }, askedAt);
      return 'done';
    },
    onError,
  );

  return {
    call(of, operation, run) {
      const health = healths.get(queueOf(of));
      const observed = () => observe.call(of, operation, run);
      return health ? health.watch(operation, of.kind ?? '', observed) : observed();
    },
    async gate(queue, job, work) {
      const entered = await healths.get(queue)?.enter();
      if (entered && 'putOffMs' in entered) return postpone(job, entered.putOffMs);
      try {
        await work();
      } finally {
        entered?.leave();
      }
    },
    steer: (queue, consumer) => void consumers.set(queue, consumer),
    standing: () => [...healths].map(([upstream, { state, limit }]) => ({ upstream, state, limit })),
    close: () => looks.close(),
  };
}
