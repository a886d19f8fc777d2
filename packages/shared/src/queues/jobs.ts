import * as z from 'zod';
import { transactionKinds, transactionStates } from '../domain/transaction.ts';

/** The upstream accounts' queues: one each, because a queue's limit is its account's budget. `spid`, or `idcloud-` and the account's name. */
export type QueueName = 'spid' | `idcloud-${string}`;

/** The queue whose account a transaction spends. */
export function queueOf({ account }: { account?: string | undefined }): QueueName {
  return account === undefined ? 'spid' : `idcloud-${account}`;
}

/** The queues of an installation, from the names of its IDCloud accounts. */
export function queuesOf(accounts: readonly { name: string }[]): QueueName[] {
  return ['spid', ...accounts.map(({ name }) => queueOf({ account: name }))];
}

/**
 * What is to be worked on: one moment of one transaction, as the ledger knew it when it was put in line. No payload and nothing about a person. One
 * that has passed by then is left alone, so jobs may be lost, doubled or late without harm.
 */
export const transactionJob = z.object({
  id: z.uuid(),
  kind: z.enum(transactionKinds),
  account: z.string().optional(),
  state: z.enum(transactionStates),
  version: z.int(),
  attempt: z.int(),
  diedIn: z.enum(transactionStates).optional(),
});
export type TransactionJob = z.infer<typeof transactionJob>;

/** Who spends the account's budget first. Lower wins. Within a lane those who bring work take turns (`shares.ts`). */
export const lanes = { personWaiting: 1, firstSend: 2, resend: 3, reconcile: 4, poll: 5 } as const;
export type Lane = keyof typeof lanes;

/**
 * The kinds of work: the lane each has unless a person waits, and how many moments at most are put in line as one job where many come at once, since the
 * queue's cost is by the job. A worker takes whole jobs: of sends it shall not hold many that another one could begin; a question is soon asked.
 */
export const jobCatalogue = {
  submit: { lane: 'firstSend', together: 8 },
  reconcile: { lane: 'reconcile', together: 8 },
  poll: { lane: 'poll', together: 32 },
} as const satisfies Record<string, { lane: Lane; together: number }>;
export type JobName = keyof typeof jobCatalogue;

/** What a job carries. */
export const jobData = z
  .array(transactionJob)
  .min(1)
  .max(Math.max(...Object.values(jobCatalogue).map(({ together }) => together)));

/** The work that a due transaction needs, or undefined where none is done by a job. */
export function jobFor(state: TransactionJob['state']): JobName | undefined {
  switch (state) {
    case 'accepted':
    case 'retrying':
      return 'submit';
    case 'unknown':
      return 'reconcile';
    case 'awaiting':
      return 'poll';
    case 'submitting':
    case 'concluded':
    case 'dead':
    case 'erased':
      return undefined;
    default:
      return state satisfies never;
  }
}
