import { failurePolicies, isPastDeadline } from '@atesto/shared/domain/failure-policy';
import { WORKER_LOST } from '@atesto/shared/ledger/lost-workers';
import type { BudgetedAccount } from '@atesto/shared/ledger/request-budget';
import type { DueTransaction } from '@atesto/shared/ledger/schedule';
import { claimDue, claimDuePolls } from '@atesto/shared/ledger/schedule';
import { type Lane, queueOf } from '@atesto/shared/queues/jobs';
import type { WorkContext } from '../work-context.ts';

/** Polls of an account are put in line for so many seconds of its budget; the others stay due in the ledger. */
const POLLS_AHEAD_SECONDS = 2;

/**
 * Nothing is put in a line that has so many jobs: what is in it already comes up here again, and several in one job cannot be told from others that hold the
 * same moments.
 */
const IN_LINE_MAX = 1_000;

/** Accounts whose polls spend a budget, and where they stand in line. */
export interface BudgetedPolls {
  accounts: readonly BudgetedAccount[];
}

export interface SweepOptions {
  /** Rows claimed at most in one round. */
  batch: number;
  /** After this a claimed row comes up again, in case its job got lost. */
  requeueMs: number;
  polls?: BudgetedPolls | undefined;
}

/**
 * One round over the schedule: whatever is due and has no worker gets its job. This is how retries, questions and polls begin, and how a queue
 * that lost everything is filled again.
 * @returns how many rows were due, budgeted polls left out; `batch` means that more may be.
 */
export async function sweep(context: WorkContext, { batch, requeueMs, polls }: SweepOptions): Promise<number> {
  const { db, inLine } = context;
  const full: (string | undefined)[] = [];
  for (const account of [undefined, ...(polls?.accounts ?? []).map(({ name }) => name)]) {
    if ((await inLine(queueOf({ account }))) >= IN_LINE_MAX) full.push(account);
  }
  const due = await claimDue(db, batch, requeueMs, full);
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

/** What was not taken is sent again after all that is new, unless somebody may still be waiting for it. */
function laneOf({ state, account, ageMs }: DueTransaction): Lane | undefined {
  if (state !== 'retrying') return undefined;
  return account !== undefined && ageMs < HELD_MS ? 'personWaiting' : 'resend';
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
