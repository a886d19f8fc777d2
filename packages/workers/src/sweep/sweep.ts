import type { DueTransaction } from '@atesto/shared/ledger/schedule';
import { claimDue } from '@atesto/shared/ledger/schedule';
import { applyEvent } from '@atesto/shared/ledger/transactions';
import { MAX_AGE_MS } from '../retry-policy.ts';
import type { WorkContext } from '../work-context.ts';

export interface SweepOptions {
  /** Rows claimed at most in one round. */
  batch: number;
  /** After this a claimed row comes up again, in case its job got lost. */
  requeueMs: number;
}

/**
 * One round over the schedule: whatever is due and has no worker gets its job. This is how retries, questions and polls begin, and how a queue
 * that lost everything is filled again.
 * @returns how many rows were due; `batch` means that more may be.
 */
export async function sweep(context: WorkContext, options: SweepOptions): Promise<number> {
  const due = await claimDue(context.db, options.batch, options.requeueMs);
  await Promise.all(due.map((row) => takeUp(context, row)));
  return due.length;
}

async function takeUp(context: WorkContext, row: DueTransaction): Promise<void> {
  const { db, settings } = context;
  const tooOld = Date.now() - row.acceptedAt.getTime() > MAX_AGE_MS;
  if (row.state === 'submitting') {
    // Its lease ran out: the worker that was sending is gone, and nobody knows how far it got.
    const after = await applyEvent(db, row, { type: 'lost', reason: 'worker-lost' }, { dueInMs: settings.settleMs });
    if (after) context.observe.transition(after, 'lost');
  } else if (tooOld && row.state !== 'accepted') {
    const after = await applyEvent(db, row, { type: 'abandoned', reason: 'too-old' });
    if (after) context.observe.transition(after, 'abandoned');
  } else {
    await context.enqueue(row, row.state === 'retrying' ? 'resend' : undefined);
  }
}
