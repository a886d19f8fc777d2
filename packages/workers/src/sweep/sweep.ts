import { failurePolicies, isPastDeadline } from '@atesto/shared/domain/failure-policy';
import { WORKER_LOST } from '@atesto/shared/ledger/lost-workers';
import type { BudgetedAccount } from '@atesto/shared/ledger/request-budget';
import type { DueTransaction } from '@atesto/shared/ledger/schedule';
import { claimDue, claimDuePolls } from '@atesto/shared/ledger/schedule';
import { jobCatalogue, type Lane, type QueueName, queueOf } from '@atesto/shared/queues/jobs';
import type { WorkContext } from '../work-context.ts';

/** Polls of an account are put in line for so many seconds of its budget; the others stay due in the ledger. */
const POLLS_AHEAD_SECONDS = 2;

/**
 * Nothing is put in a line of grouped jobs that may hold so many moments: what is in it already comes up here again, and several in one job cannot be told
 * from others that hold the same moments. A job of one can.
 */
const IN_LINE_MAX = 8_000;

/** Accounts whose polls spend a budget, and where they stand in line. */
export interface BudgetedPolls {
  accounts: readonly BudgetedAccount[];
}

export interface SweepOptions {
  /** Rows claimed at most in one round. */
  batch: number;
  /** After this a claimed row comes up again, in case its job got lost. */
  requeueMs: number;
  /** Queues in which several moments may be one job. */
  grouped: readonly QueueName[];
  polls?: BudgetedPolls | undefined;
}

/**
 * One round over the schedule: whatever is due and has no worker gets its job. This is how retries, questions and polls begin, and how a queue
 * that lost everything is filled again.
 * @returns how many rows were due, budgeted polls left out; `batch` means that more may be.
 */
export async function sweep(context: WorkContext, { batch, requeueMs, grouped, polls }: SweepOptions): Promise<number> {
  const { db, inLine } = context;
  const isFull = grouped.includes('spid') && (await momentsInLine(inLine)) >= IN_LINE_MAX;
  const due = await claimDue(db, batch, requeueMs, isFull ? [undefined] : []);
  await Promise.all(due.map((row) => takeUp(context, row)));
  for (const { name, requestsPerSecond } of polls?.accounts ?? []) {
    const ahead = await inLine(queueOf({ account: name }), 'poll');
    const room = Math.ceil(requestsPerSecond * POLLS_AHEAD_SECONDS) - ahead;
    if (room <= 0) continue;
    const rows = await claimDuePolls(db, name, room, requeueMs);
    await Promise.all(rows.map((row) => takeUp(context, row)));
  }
  return due.length;
}

/** How many SPID Server's line may hold, by its jobs. */
async function momentsInLine(inLine: WorkContext['inLine']): Promise<number> {
  const [jobs, polls] = await Promise.all([inLine('spid'), inLine('spid', 'poll')]);
  return (jobs - polls) * jobCatalogue.submit.together + polls * jobCatalogue.poll.together;
}

/** What a due transaction needs. One that nobody has begun to send is never too old for it. */
export function decideDue({
  kind,
  state,
  ageMs,
}: Pick<DueTransaction, 'kind' | 'state' | 'ageMs'>): 'lost' | 'abandoned' | 'job' {
  // Its lease ran out: the worker that was sending is gone, and nobody knows how far it got.
  if (state === 'submitting') return 'lost';
  const isPast = state !== 'accepted' && isPastDeadline(kind, state, ageMs);
  return isPast ? 'abandoned' : 'job';
}

/** A face holds the caller of a create for so long. */
const HELD_MS = 30_000;

/** What was put off or not taken keeps its place before all others while somebody may be waiting for it. Then what was not taken is sent after all that is new. */
function laneOf({ state, account, ageMs }: DueTransaction): Lane | undefined {
  if (state !== 'accepted' && state !== 'retrying') return undefined;
  if (account !== undefined && ageMs < HELD_MS) return 'personWaiting';
  return state === 'retrying' ? 'resend' : undefined;
}

async function takeUp({ applyEvent, enqueue, observe, settings }: WorkContext, row: DueTransaction): Promise<void> {
  switch (decideDue(row)) {
    case 'lost': {
      const dueInMs = settings.settleMs * failurePolicies['worker-lost'].restFactor;
      const after = await applyEvent(row, { type: 'lost', reason: WORKER_LOST }, { dueInMs });
      if (after) observe.transition(after, 'lost');
      break;
    }
    case 'abandoned': {
      const after = await applyEvent(row, { type: 'abandoned', reason: 'too-old' });
      if (after) observe.transition(after, 'abandoned');
      break;
    }
    default:
      await enqueue(row, laneOf(row));
  }
}
