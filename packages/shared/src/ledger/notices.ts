import type { Database } from './database.ts';

/** What became of a notice about an upstream's transaction. */
export type NoticeOutcome =
  /** Its transaction is asked for now. */
  | 'due'
  /** Its transaction is known and nothing is waited for. */
  | 'settled'
  /** Nobody knows it yet: the answer that names it may be on its way. */
  | 'parked';

/**
 * Takes a notice. It says only that there may be something to ask for, so any order and any number of them are the same.
 * A worker that writes an upstream's id down calls `takeParked` after it: one of the two sees the other.
 */
export async function takeNotice(db: Database, account: string, upstreamId: string): Promise<NoticeOutcome> {
  const known = await makeNoticedDue(db, account, upstreamId);
  if (known) return known;
  await db.query({
    name: 'park-notice',
    // Whose answer has not come in 30 days has none.
    text: `with old as (delete from parked_notices
        where received_at < now() - interval '30 days' and (account, upstream_id) <> ($1, $2))
      insert into parked_notices (account, upstream_id) values ($1, $2)
      on conflict (account, upstream_id) do update set received_at = now()`,
    values: [account, upstreamId],
  });
  const meanwhile = await makeNoticedDue(db, account, upstreamId);
  if (!meanwhile) return 'parked';
  await unpark(db, account, upstreamId);
  return meanwhile;
}

/** Takes a parked notice up, now that the upstream's id is known. True where there was one. */
export async function takeParked(db: Database, account: string, upstreamId: string): Promise<boolean> {
  if (!(await unpark(db, account, upstreamId))) return false;
  await makeNoticedDue(db, account, upstreamId);
  return true;
}

async function makeNoticedDue(
  db: Database,
  account: string,
  upstreamId: string,
): Promise<Exclude<NoticeOutcome, 'parked'> | undefined> {
  const { rows } = await db.query<{ due: boolean }>({
    name: 'make-noticed-due',
    text: `with known as (select id, state from only transactions where account = $1 and upstream_id = $2),
      due as (update only transactions t set due_at = now() from known where t.id = known.id and t.state = 'awaiting' returning t.id)
      select exists (select from due) as due from known limit 1`,
    values: [account, upstreamId],
  });
  return rows[0] && (rows[0].due ? 'due' : 'settled');
}

async function unpark(db: Database, account: string, upstreamId: string): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'unpark-notice',
    text: 'delete from parked_notices where account = $1 and upstream_id = $2',
    values: [account, upstreamId],
  });
  return rowCount === 1;
}
