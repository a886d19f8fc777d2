import { accountsToResend, endResends, takeUpFailed } from '@atesto/shared/ledger/resends';
import { jobCatalogue, type QueueName, queueOf } from '@atesto/shared/queues/jobs';
import type { WorkContext } from '../work-context.ts';

/** A run puts so many seconds of an account's budget in line; the rest stays in the ledger, behind all live work. */
const AHEAD_SECONDS = 2;
/** Taken up in one statement at most. */
const RESEND_BATCH = 1_000;

export interface ResendRoundOptions {
  /** Calls a second of each queue that is worked here; undefined, no limit. */
  paces: ReadonlyMap<QueueName, number | undefined>;
  /** After this a transaction that was taken up comes up again, in case its job got lost. */
  requeueMs: number;
}

/**
 * One round over the runs of resend all: each queue whose lane `resend` has room gets the next of a run. Runs take turns.
 * @returns `more` where a batch was full and there was more room than that.
 */
export async function resendRound(
  { db, enqueue, inLine }: Pick<WorkContext, 'db' | 'enqueue' | 'inLine'>,
  { paces, requeueMs }: ResendRoundOptions,
): Promise<'more' | 'done'> {
  let left: 'more' | 'done' = 'done';
  for (const account of await accountsToResend(db)) {
    const queue = queueOf({ account });
    // What spends an account that is not configured here is left to a process where it is.
    if (!paces.has(queue)) continue;
    const pace = paces.get(queue);
    // Without a pace several are one job.
    const each = pace === undefined ? jobCatalogue.submit.together : 1;
    const wanted = pace === undefined ? RESEND_BATCH / each : Math.ceil(pace * AHEAD_SECONDS);
    // Questions stand behind the run in line: one that is always topped up would let none of them through.
    const questions = (await inLine(queue, 'reconcile')) + (await inLine(queue, 'poll'));
    if (questions >= wanted) continue;
    const room = wanted - (await inLine(queue, 'resend'));
    if (room <= 0) continue;
    const limit = Math.min(room * each, RESEND_BATCH);
    const moments = await takeUpFailed(db, { account, limit, leaseMs: requeueMs });
    await Promise.all(moments.map((moment) => enqueue(moment, 'resend')));
    if (moments.length === RESEND_BATCH && room * each > RESEND_BATCH) left = 'more';
  }
  await endResends(db);
  return left;
}
