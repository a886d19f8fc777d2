import type { Cpf } from '@atesto/shared/domain/cpf';
import { isSpidKind } from '@atesto/shared/domain/transaction';
import { countLostWorkers } from '@atesto/shared/ledger/lost-workers';
import { getSubject } from '@atesto/shared/ledger/subjects';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import type { TransactionJob } from '@atesto/shared/queues/jobs';
import { openCpf } from '@atesto/shared/vault/cpf-column';
import type { Decision, KeepWaiting } from '../decision.ts';
import type { WorkContext } from '../work-context.ts';
import { decideReconcile } from './decide-reconcile.ts';
import { decideSuspect } from './decide-suspect.ts';
import { reconcileWrite } from './reconcile-write.ts';

/** Finds out whether a send whose answer was lost took effect, before anything is sent again. */
export async function reconcile(context: WorkContext, job: TransactionJob): Promise<void> {
  const { db } = context;
  const found = await context.getWithAge(job.id);
  if (!found) return;
  const { transaction: row, ageMs } = found;
  if (row.version !== job.version || row.state !== 'unknown') return;
  // All by the ledger's clock.
  const unknownForMs = ageMs - (row.updatedAt.getTime() - row.acceptedAt.getTime());
  let decision = await decide(context, row, unknownForMs);
  if (decision.event?.type === 'absent') {
    decision = decideSuspect(await countLostWorkers(db, row.id), context.random);
  }
  if (!decision.event) {
    await context.postpone(row, decision.dueInMs);
    return;
  }
  const after = await context.applyEvent(row, decision.event, decision);
  if (!after) return;
  context.observe.transition(after, decision.event.type);
  if (after.state === 'retrying' && !decision.dueInMs) await context.enqueue(after, 'resend');
}

async function decide(
  context: WorkContext,
  row: TransactionRow,
  unknownForMs: number,
): Promise<Decision | KeepWaiting> {
  // IDCloud has no look-up, and a second create would be a second process: a person decides.
  if (!isSpidKind(row.kind)) return { event: { type: 'abandoned', reason: 'unknown-outcome' } };
  const [userId, operatorId] = await Promise.all([cpfOf(context, row.subject), cpfOf(context, row.operator)]);
  if (row.kind !== 'spid.enroll' && row.kind !== 'spid.verify') {
    return reconcileWrite(context, row, unknownForMs, { subject: userId, operator: operatorId });
  }
  if (!userId || !operatorId || !row.capturedAt) return { event: { type: 'abandoned', reason: 'payload-erased' } };
  const { kind } = row;
  const read = await context.observe.call(row, 'findTransaction', () => context.spid.findTransaction(userId));
  const ours = { userId, operatorId, timestamp: row.capturedAt.getTime() };
  const standingOf = (word: string) => context.spid.standing(kind, word);
  return decideReconcile(read, standingOf, ours, unknownForMs, context.random);
}

async function cpfOf({ db, keyRing }: WorkContext, subject: string | undefined): Promise<Cpf | undefined> {
  const row = subject && (await getSubject(db, subject));
  return row ? openCpf(keyRing, row) : undefined;
}
