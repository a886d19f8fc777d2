import type { Database } from './database.ts';

/**
 * Moves what has been over for longest out of the tables that work is done on: transactions with their events and captures, in one commit. They are found as
 * before by every statement that does not say `only`; nothing but an erasure changes them any more. What people still have to look at stays.
 * @returns how many moved; `limit` means that more may be over for so long. Concurrent callers move different ones.
 */
export async function archiveEnded(
  db: Database,
  { afterDays, limit }: { afterDays: number; limit: number },
): Promise<number> {
  const { rows } = await db.query<{ moved: number }>({
    name: 'archive-ended',
    text: `with ended as materialized (
        select id from only transactions
        where state in ('concluded', 'erased') and verdict is distinct from 'contingency' and updated_at < now() - $1 * interval '1 day'
        order by updated_at limit $2 for update skip locked),
      t as (delete from only transactions t using ended where t.id = ended.id returning t.*),
      e as (delete from only transaction_events e using ended where e.transaction_id = ended.id returning e.*),
      c as (delete from only captures c using ended where c.transaction_id = ended.id returning c.*),
      archived as (insert into archived_transactions select * from t),
      events as (insert into archived_transaction_events select * from e),
      pictures as (insert into archived_captures select * from c)
      select count(*)::int as moved from t`,
    values: [afterDays, limit],
  });
  return rows[0]?.moved ?? 0;
}

/** True for the failure of an insertion whose id is that of an archived row. */
export function isArchived(error: unknown): boolean {
  return (
    error instanceof Error &&
    'constraint' in error &&
    (error.constraint === 'archived_transactions_pkey' || error.constraint === 'archived_captures_pkey')
  );
}
