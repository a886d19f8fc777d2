import type { Database } from './database.ts';
import type { StoredTransaction } from './transaction-rows.ts';
import { toTransaction, transactionColumns } from './transaction-rows.ts';
import type { TransactionRow } from './transactions.ts';

/** The owner's latest transaction about a person, or undefined. `cpfIndex` is the keyed hash that stands for the CPF. */
export async function latestTransactionOf(
  db: Database,
  owner: string,
  cpfIndex: Buffer,
): Promise<TransactionRow | undefined> {
  const { rows } = await db.query<StoredTransaction>({
    name: 'latest-transaction-of',
    text: `select ${transactionColumns} from transactions
      where subject = (select id from subjects where cpf_index = $2) and owner = $1
      order by accepted_at desc, id limit 1`,
    values: [owner, cpfIndex],
  });
  return rows[0] && toTransaction(rows[0]);
}

/**
 * The oldest transactions that people have to look at, of one owner or (undefined) of all: what stopped, what nobody knows the outcome of, and
 * what waits with a word that is not one of plain waiting.
 */
export async function listAttention(db: Database, owner: string | undefined, limit: number): Promise<TransactionRow[]> {
  const { rows } = await db.query<StoredTransaction>({
    name: 'list-attention',
    // The condition is the index's, word for word: without it the table would be read whole.
    text: `select ${transactionColumns} from only transactions
      where (state in ('dead', 'unknown') or verdict = 'contingency'
          or (state = 'awaiting' and account is null and upstream_status not in
            ('SEARCH_PENDING', 'SEARCH_ENQUEUED', 'ENROLL_PENDING', 'ENROLL_ENQUEUED', 'DELETE_PENDING')))
        and ($1::uuid is null or owner = $1)
      order by accepted_at limit $2`,
    values: [owner ?? null, limit],
  });
  return rows.map(toTransaction);
}

/** The owner's transactions among `ids`, in no order. */
export async function findTransactions(db: Database, owner: string, ids: readonly string[]): Promise<TransactionRow[]> {
  const { rows } = await db.query<StoredTransaction>({
    name: 'find-transactions',
    text: `select ${transactionColumns} from transactions where id = any ($2) and owner = $1`,
    values: [owner, ids],
  });
  return rows.map(toTransaction);
}

/** Whether `upstreamId` is that of another transaction about the same person. */
export async function isOfAnother(
  db: Database,
  { id, subject }: Pick<TransactionRow, 'id' | 'subject'>,
  upstreamId: string,
): Promise<boolean> {
  const { rows } = await db.query({
    name: 'is-of-another',
    text: 'select from transactions where subject = $1 and upstream_id = $2 and id <> $3 limit 1',
    values: [subject ?? null, upstreamId, id],
  });
  return rows.length > 0;
}
