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

/** The owner's transactions among `ids`, in no order. */
export async function findTransactions(db: Database, owner: string, ids: readonly string[]): Promise<TransactionRow[]> {
  const { rows } = await db.query<StoredTransaction>({
    name: 'find-transactions',
    text: `select ${transactionColumns} from transactions where id = any ($2) and owner = $1`,
    values: [owner, ids],
  });
  return rows.map(toTransaction);
}
