import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { countEvents } from '@atesto/shared/ledger/transactions';
import type { TransactionJob } from '@atesto/shared/queues/jobs';
import type { Upstream } from '@atesto/shared/upstreams/upstream';
import { sealAnswer } from '@atesto/shared/vault/answer-column';
import { decideVoided } from '../decide-voided.ts';
import type { Decision, KeepWaiting } from '../decision.ts';
import type { WorkContext } from '../work-context.ts';
import { decidePoll } from './decide-poll.ts';

/** Asks the upstream how one awaiting transaction stands. */
export async function poll(context: WorkContext, job: TransactionJob): Promise<void> {
  const found = await context.getWithAge(job.id);
  if (!found) return;
  const { transaction: row, ageMs } = found;
  if (row.version !== job.version || row.state !== 'awaiting' || row.upstreamId === undefined) return;
  const decision = await ask(context, row, row.upstreamId, ageMs);
  if (!decision.event) {
    await context.postpone(row, decision.dueInMs);
    context.observe.polled(row, 'waiting');
    return;
  }
  const answerSealed = decision.kept && sealAnswer(context.keyRing, row.id, decision.kept);
  const after = await context.applyEvent(row, decision.event, { ...decision, answerSealed });
  if (!after) return;
  context.observe.transition(after, decision.event.type);
  context.observe.polled(row, decision.event.type);
}

async function ask(
  context: WorkContext,
  row: TransactionRow,
  upstreamId: string,
  ageMs: number,
): Promise<Decision | KeepWaiting> {
  const { kind, operation } = row;
  const upstream = context.upstreamOf(row);
  // Its account or key was taken out of the settings: it waits for it to come back.
  const read: Awaited<ReturnType<Upstream['result']>> = upstream
    ? await context.observe.call(row, 'result', () => upstream.result(kind, upstreamId))
    : { kind: 'not-found' };
  if (read.kind !== 'voided') return decidePoll(read, row, ageMs, context.random);
  const before = await countEvents(context.db, row.id, 'voided');
  return decideVoided(read, { kind, operation, before }, context.random);
}
