import { postpone } from '@atesto/shared/ledger/schedule';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import type { TransactionJob } from '@atesto/shared/queues/jobs';
import type { WorkContext } from '../work-context.ts';
import { decidePoll } from './decide-poll.ts';

/** Asks the upstream how one awaiting transaction stands. */
export async function poll(context: WorkContext, job: TransactionJob): Promise<void> {
  const { db } = context;
  const row = await getTransaction(db, job.id);
  if (!row || row.version !== job.version || row.state !== 'awaiting' || row.upstreamId === undefined) return;
  const { kind, upstreamId } = row;
  const read = await context.observe.call(kind, 'result', () => context.upstreamOf(kind).result(kind, upstreamId));
  const decision = decidePoll(read, row, Date.now(), context.random);
  if (!decision.event) {
    await postpone(db, row, decision.dueInMs);
    return;
  }
  const after = await applyEvent(db, row, decision.event, decision);
  if (after) context.observe.transition(after, decision.event.type);
}
